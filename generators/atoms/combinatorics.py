"""Counting and probability (mathematics / combinatorics and probability)."""

from fractions import Fraction
from math import comb

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _two_red(red: int, blue: int) -> int | Fraction:
    return exact(Fraction(red * (red - 1), (red + blue) * (red + blue - 1)))


def _raffle_gain(tickets: int, price: int, prize: int) -> int | Fraction:
    return exact(Fraction(prize - price * tickets, tickets))


def _shake_steps(guests: int, ill: int) -> str:
    rest = guests - ill
    return (
        f"Only {guests} - {ill} = {rest} people shake hands. Each of them shakes {rest - 1} hands, and every handshake "
        f"is counted twice, so there are {rest} × {rest - 1} / 2 = {comb(rest, 2)}."
    )


def _committee_steps(women: int, men: int) -> str:
    pairs = comb(women, 2)
    return f"The two women can be chosen in {women} × {women - 1} / 2 = {pairs} ways. With {men} choices of a man there are {pairs} × {men} = {pairs * men}."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="combinatorics.handshakes",
        topic=("mathematics", "combinatorics", "counting pairs"),
        parameters={"guests": Whole(12, 200), "ill": Whole(2, 9)},
        solve=lambda guests, ill: comb(guests - ill, 2),
        injective=("guests", "ill"),
        steps=_shake_steps,
        noun="the number of handshakes",
        kind="integer",
        wordings=(
            "At a party with {guests} guests everybody shakes hands once with everybody else, except that {ill} guests have a cold and shake no hands at all. How many handshakes are there?",
            "Before a meeting of {guests} people begins, {ill} of them leave. Everyone who stays shakes hands once with each of the others who stay. Find the number of handshakes.",
            "Among {guests} members of a club, {ill} never shake hands. Any two of the remaining members shake hands exactly once. How many handshakes does that make?",
        ),
    ),
    Family(
        name="combinatorics.committee",
        topic=("mathematics", "combinatorics", "combinations"),
        parameters={"women": Whole(3, 40), "men": Whole(2, 60)},
        solve=lambda women, men: comb(women, 2) * men,
        injective=("women", "men"),
        steps=_committee_steps,
        noun="the number of possible selections",
        kind="integer",
        wordings=(
            "A committee of two women and one man is elected from {women} women and {men} men. How many different committees are possible?",
            "In how many ways can two women and one man be picked from a club of {women} women and {men} men, if the order does not matter?",
            "From {men} men and {women} women a group of three is formed that contains exactly one man. How many such groups are there?",
        ),
    ),
    Family(
        name="combinatorics.two_course_lunch",
        topic=("mathematics", "combinatorics", "product rule"),
        parameters={"mains": Whole(2, 45), "starters": Whole(2, 30), "desserts": Whole(2, 30)},
        solve=lambda mains, starters, desserts: mains * (starters + desserts),
        injective=("mains", "starters", "desserts"),
        steps=lambda mains, starters, desserts: (
            f"The other course can be any of {starters} + {desserts} = {starters + desserts} dishes. "
            f"Together there are {mains} × {starters + desserts} = {mains * (starters + desserts)} lunches."
        ),
        noun="the number of possible lunches",
        kind="integer",
        wordings=(
            "A catering firm offers {starters} starters, {mains} main dishes and {desserts} desserts. A lunch is one main dish with either a starter or a dessert, not both. How many different lunches can be ordered?",
            "A lunch consists of one of {mains} main dishes and one other course, which is one of {starters} starters or one of {desserts} desserts. How many different lunches are possible?",
            "In how many ways can a guest combine a main dish with exactly one further course, if there are {mains} main dishes, {starters} starters and {desserts} desserts to choose from?",
        ),
    ),
    Family(
        name="combinatorics.languages",
        topic=("mathematics", "combinatorics", "inclusion and exclusion"),
        parameters={"french": Whole(45, 250), "spanish": Whole(45, 250), "both": Whole(2, 44), "neither": Whole(2, 90)},
        solve=lambda french, spanish, both, neither: french + spanish - both + neither,
        injective=("french", "spanish", "both", "neither"),
        steps=lambda french, spanish, both, neither: (
            f"Those with both languages are counted twice, so {french} + {spanish} - {both} = {french + spanish - both} learn "
            f"a language. With the {neither} others there are {french + spanish - both + neither}."
        ),
        noun="the number of pupils",
        kind="integer",
        wordings=(
            "In a school {french} pupils learn French and {spanish} learn Spanish. Among them {both} learn both languages, and {neither} further pupils learn neither. How many pupils has the school?",
            "A survey of a school finds {neither} pupils without a foreign language, {french} with French and {spanish} with Spanish, where {both} pupils take both and are included in each of the two counts. How many pupils were surveyed?",
            "French is taken by {french} pupils, Spanish by {spanish}, both by {both}, and neither by {neither}. Those who take both are part of the French and the Spanish numbers. Find the total number of pupils.",
        ),
    ),
    Family(
        name="probability.two_red_marbles",
        topic=("mathematics", "probability", "drawing without replacement"),
        parameters={"red": Whole(3, 60), "blue": Whole(2, 60)},
        solve=_two_red,
        injective=("red", "blue"),
        steps=lambda red, blue: (
            f"The first marble is red with probability {red}/{red + blue}, the second then with {red - 1}/{red + blue - 1}. "
            f"The product is {say(_two_red(red, blue))}."
        ),
        noun="the probability",
        kind="rational",
        level="upper-school",
        wordings=(
            "A bag holds {red} red and {blue} blue marbles. Two are drawn at random without putting the first one back. What is the exact probability that both are red?",
            "From {red} red and {blue} blue marbles, two different marbles are picked at random. Find the probability, as an exact fraction, that neither of them is blue.",
            "Two marbles are taken at once from an urn with {blue} blue and {red} red ones. Give the exact probability of getting two red marbles.",
        ),
    ),
    Family(
        name="probability.raffle_gain",
        topic=("mathematics", "probability", "expected value"),
        parameters={
            "tickets": OneOf((20, 25, 40, 50, 80, 100, 125, 200, 250, 400, 500)),
            "price": Whole(2, 15),
            "prize": Whole(100, 5000),
        },
        solve=_raffle_gain,
        injective=("tickets", "price", "prize"),
        steps=lambda tickets, price, prize: (
            f"A ticket wins {prize} dollars with probability 1/{tickets} and always costs {price} dollars. "
            f"The expected gain is {prize}/{tickets} - {price} = {say(_raffle_gain(tickets, price, prize))} dollars."
        ),
        noun="the expected gain in dollars",
        kind="rational",
        unit="dollars",
        level="upper-school",
        wordings=(
            "A raffle sells {tickets} tickets at {price} dollars each, and one of them wins {prize} dollars. What is the exact expected gain in dollars of somebody who buys one ticket, with a loss counted as negative?",
            "One of {tickets} equally likely tickets pays {prize} dollars, the others pay nothing. A ticket costs {price} dollars. Find the expected net gain per ticket in dollars, exactly; a loss is negative.",
            "For {price} dollars one may draw a number from {tickets} equally likely ones. A single number wins {prize} dollars. What is the mean net gain of a draw in dollars, exactly and with its sign?",
        ),
    ),
)
