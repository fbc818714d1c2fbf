"""Tracing algorithms and counting their steps (computer science)."""

from math import comb

from catena.domains import Whole
from catena.generators.atoms.family import Family


def _loop_steps(start: int, outer: int, inner: int, step: int) -> str:
    return (
        f"The inner body runs {outer} × {inner} = {outer * inner} times and adds {outer * inner} × {step} = "
        f"{outer * inner * step}. The counter ends at {start} + {outer * inner * step} = {start + outer * inner * step}."
    )


def _bubble_pass(a: int, b: int, c: int, d: int, e: int) -> tuple[int, ...]:
    carried, passed = a, []
    for value in (b, c, d, e):
        passed.append(min(carried, value))
        carried = max(carried, value)
    return (*passed, carried)


def _bubble_steps(a: int, b: int, c: int, d: int, e: int) -> str:
    after = _bubble_pass(a, b, c, d, e)
    return (
        f"At each comparison the larger of the two neighbours moves on to the right: {a} starts, and {after[-1]} "
        f"reaches the end. The list is then ({', '.join(map(str, after))})."
    )


def _generator_steps(seed: int, factor: int, add: int, modulus: int) -> str:
    first = (factor * seed + add) % modulus
    return (
        f"First, {factor} × {seed} + {add} = {factor * seed + add}, which leaves {first}. "
        f"Then {factor} × {first} + {add} = {factor * first + add}, which leaves {(factor * first + add) % modulus}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="algorithms.nested_loops",
        topic=("computer science", "programming", "loops"),
        parameters={"start": Whole(2, 500), "outer": Whole(2, 60), "inner": Whole(2, 60), "step": Whole(2, 9)},
        solve=lambda start, outer, inner, step: start + outer * inner * step,
        injective=("start", "outer", "inner", "step"),
        steps=_loop_steps,
        noun="the final value of the counter",
        kind="integer",
        wordings=(
            "A counter starts at {start}. A loop runs {outer} times, and in each round an inner loop runs {inner} times; its body adds {step} to the counter. What is the final value of the counter?",
            "The statement that increases a counter by {step} sits in a loop of {inner} rounds, which itself sits in a loop of {outer} rounds. The counter is {start} beforehand. Find its value afterwards.",
            "In a program, count = {start} is followed by: repeat {outer} times, repeat {inner} times, count = count + {step}. The second repetition is nested in the first. What is count at the end?",
        ),
    ),
    Family(
        name="algorithms.selection_sort_time",
        topic=("computer science", "algorithms", "sorting"),
        parameters={"items": Whole(20, 400), "cost": Whole(2, 50)},
        solve=lambda items, cost: comb(items, 2) * cost,
        injective=("items", "cost"),
        steps=lambda items, cost: (
            f"Selection sort compares {items} × {items - 1} / 2 = {comb(items, 2)} times. "
            f"That takes {comb(items, 2)} × {cost} = {comb(items, 2) * cost} nanoseconds."
        ),
        noun="the time for the comparisons in nanoseconds",
        kind="integer",
        unit="ns",
        level="upper-school",
        wordings=(
            "Selection sort compares every pair of positions in a list exactly once. A list has {items} entries and a comparison takes {cost} nanoseconds. How many nanoseconds do all comparisons take?",
            "A comparison costs {cost} nanoseconds on some machine. Find the time in nanoseconds that selection sort, which compares each two places once, spends on comparisons for {items} entries.",
            "An algorithm checks a list of {items} entries for equal ones by comparing each entry with every later one, without stopping early. At {cost} nanoseconds per comparison, how many nanoseconds go into comparisons?",
        ),
    ),
    Family(
        name="algorithms.recurrence_value",
        topic=("computer science", "algorithms", "recursion"),
        parameters={"base": Whole(2, 300), "step": Whole(2, 20), "depth": Whole(3, 60)},
        solve=lambda base, step, depth: base + step * comb(depth + 1, 2),
        injective=("base", "step", "depth"),
        steps=lambda base, step, depth: (
            f"Unrolled, the value is {base} + {step} × (1 + 2 + ... + {depth}). The bracket is {comb(depth + 1, 2)}, "
            f"so the value is {base} + {step * comb(depth + 1, 2)} = {base + step * comb(depth + 1, 2)}."
        ),
        noun="the value of the function",
        kind="integer",
        level="upper-school",
        wordings=(
            "A recursive function is defined by f(0) = {base} and f(n) = f(n - 1) + {step} * n for n > 0. What does f({depth}) return?",
            "Called with zero, a function returns {base}. Called with a larger n, it calls itself with n - 1 and adds {step} * n to what comes back. What does it return when called with {depth}?",
            "Evaluate the recurrence f(n) = {step} * n + f(n - 1), with f(0) = {base}, at n = {depth}.",
        ),
    ),
    Family(
        name="algorithms.bubble_pass",
        topic=("computer science", "algorithms", "sorting"),
        parameters={name: Whole(10, 99) for name in "abcde"},
        solve=_bubble_pass,
        steps=_bubble_steps,
        noun="the list after the pass",
        kind="sequence",
        constraint=lambda a, b, c, d, e: len({a, b, c, d, e}) == 5,
        wordings=(
            "Bubble sort makes one pass from left to right over the list ({a}, {b}, {c}, {d}, {e}) and swaps two neighbours whenever the left one is larger. Give the list after this single pass.",
            "Go once through {a}, {b}, {c}, {d}, {e}, comparing each entry with the next one and exchanging them if they are in descending order. Which sequence results?",
            "What does the array [{a}, {b}, {c}, {d}, {e}] look like after the first pass of bubble sort in ascending order, from left to right? Answer with the sequence.",
        ),
    ),
    Family(
        name="algorithms.postfix_value",
        topic=("computer science", "data structures", "stacks"),
        parameters={"a": Whole(2, 90), "b": Whole(2, 90), "c": Whole(2, 40), "d": Whole(2, 500)},
        solve=lambda a, b, c, d: (a + b) * c - d,
        injective=("a", "b", "c", "d"),
        steps=lambda a, b, c, d: (
            f"The plus leaves {a + b} on the stack, the product leaves {a + b} × {c} = {(a + b) * c}. "
            f"The minus leaves {(a + b) * c} - {d} = {(a + b) * c - d}."
        ),
        noun="the value of the postfix expression",
        kind="integer",
        wordings=(
            "Evaluate the postfix expression {a} {b} + {c} * {d} - with a stack.",
            "A stack machine runs: push {a}, push {b}, add, push {c}, multiply, push {d}, subtract the top from the entry below. What value remains on the stack?",
            "In reverse Polish notation a calculator receives {a}, {b}, plus, {c}, times, {d}, minus. Which number does it show?",
        ),
    ),
    Family(
        name="algorithms.congruential_generator",
        topic=("computer science", "algorithms", "pseudo-random numbers"),
        parameters={"seed": Whole(2, 500), "factor": Whole(3, 60), "add": Whole(2, 200), "modulus": Whole(100, 900)},
        solve=lambda seed, factor, add, modulus: (factor * (factor * seed + add) + add) % modulus,
        steps=_generator_steps,
        noun="the second number generated",
        kind="integer",
        level="upper-school",
        wordings=(
            "A pseudo-random generator replaces its state x by ({factor} * x + {add}) mod {modulus}. It starts with x = {seed}. What is the state after two steps?",
            "Starting from {seed}, multiply by {factor}, add {add} and keep the remainder modulo {modulus}; then do the same once more with the result. Which number comes out?",
            "The seed of a linear congruential generator is {seed}; its multiplier is {factor}, its increment is {add} and its modulus is {modulus}. Find the second number after the seed.",
        ),
    ),
)
