"""Means and spread of small samples (mathematics / statistics)."""

from fractions import Fraction

from catena.domains import Whole
from catena.generators.atoms.family import Family, exact, say


def _joint_mean(first: int, first_mean: int, second: int, second_mean: int) -> int | Fraction:
    return exact(Fraction(first * first_mean + second * second_mean, first + second))


def _joint_mean_steps(first: int, first_mean: int, second: int, second_mean: int) -> str:
    total = first * first_mean + second * second_mean
    return (
        f"All points together are {first} × {first_mean} + {second} × {second_mean} = {total}. "
        f"Divided by {first + second} pupils that is {say(_joint_mean(first, first_mean, second, second_mean))}."
    )


def _variance(a: int, b: int, c: int, d: int) -> int | Fraction:
    return exact(Fraction(4 * (a * a + b * b + c * c + d * d) - (a + b + c + d) ** 2, 16))


def _variance_steps(a: int, b: int, c: int, d: int) -> str:
    mean = Fraction(a + b + c + d, 4)
    squares = [(value - mean) ** 2 for value in (a, b, c, d)]
    return (
        f"The mean is {say(mean)}. The squared deviations are {', '.join(map(say, squares))}. "
        f"Their sum is {say(sum(squares))} and a quarter of it is {say(_variance(a, b, c, d))}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="statistics.missing_parcel",
        topic=("mathematics", "statistics", "mean values"),
        parameters={"mean": Whole(300, 900), "a": Whole(100, 700), "b": Whole(100, 700), "c": Whole(100, 700)},
        solve=lambda mean, a, b, c: 4 * mean - a - b - c,
        injective=("mean", "a", "b", "c"),
        steps=lambda mean, a, b, c: (
            f"Four parcels weigh 4 × {mean} = {4 * mean} grams in total. The three known ones weigh {a + b + c} grams. "
            f"The last one weighs {4 * mean} - {a + b + c} = {4 * mean - a - b - c} grams."
        ),
        noun="the mass of the last parcel in grams",
        kind="integer",
        unit="g",
        constraint=lambda mean, a, b, c: 4 * mean - a - b - c >= 50,
        wordings=(
            "Four parcels have a mean mass of {mean} grams. Three of them weigh {a}, {b} and {c} grams. How many grams does the fourth one weigh?",
            "Parcels of {a}, {b} and {c} grams are sent together with a last one. The average of the four masses is {mean} grams. Find the mass of the last parcel in grams.",
            "Three parcels weigh {a}, {b} and {c} grams. What must the mass of a fourth parcel be, in grams, so that the mean of all four becomes {mean} grams?",
        ),
    ),
    Family(
        name="statistics.joint_mean",
        topic=("mathematics", "statistics", "weighted means"),
        parameters={
            "first": Whole(10, 60),
            "first_mean": Whole(30, 95),
            "second": Whole(10, 60),
            "second_mean": Whole(30, 95),
        },
        solve=_joint_mean,
        injective=("first_mean", "second_mean"),
        steps=_joint_mean_steps,
        noun="the mean score of all pupils",
        kind="rational",
        constraint=lambda first, first_mean, second, second_mean: first_mean != second_mean,
        wordings=(
            "In a test one class of {first} pupils scored {first_mean} points on average and another class of {second} pupils scored {second_mean} points on average. What is the exact mean score of all pupils together?",
            "A group of {first} pupils has a mean score of {first_mean}, while {second_mean} is the mean score of a second group, which has {second} pupils. The groups are merged. Find the exact mean score of the merged group.",
            "The mean score is {first_mean} points for {first} pupils and {second_mean} points for the other {second} pupils. What is the mean score of everyone, as an exact number?",
        ),
    ),
    Family(
        name="statistics.variance_of_four",
        topic=("mathematics", "statistics", "variance"),
        parameters={"a": Whole(2, 90), "b": Whole(2, 90), "c": Whole(2, 90), "d": Whole(2, 90)},
        solve=_variance,
        steps=_variance_steps,
        noun="the variance",
        kind="rational",
        level="upper-school",
        wordings=(
            "Find the exact population variance, the mean squared deviation from the mean, of the four values {a}, {b}, {c} and {d}.",
            "A measurement is repeated four times and gives {a}, {b}, {c} and {d}. What exactly is the mean of the squared deviations from their mean?",
            "A fair draw yields one of the numbers {a}, {b}, {c}, {d}, listed for four equally likely outcomes. What is the exact variance of the number drawn?",
        ),
    ),
)
