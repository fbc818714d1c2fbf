"""Checkers of number puzzles: countdown, subset sum, cryptarithm."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from catena.puzzles.reading import (
    Unreadable,
    plain,
    read_arithmetic,
    read_assignment,
    read_integers,
    show_assignment,
)

Outcome = tuple[str, str | None]


def check_countdown(instance: Mapping[str, Any], text: str) -> Outcome:
    """An expression that uses each of `numbers` once and has the value `target`; `... = target` may follow."""
    numbers, target = list(instance["numbers"]), instance["target"]
    left, equals, right = plain(text).partition("=")
    if equals and right.strip() != str(target):
        raise Unreadable(f"what follows the equals sign is not the target {target}")
    value, used, canonical = read_arithmetic(left)
    if Counter(used) != Counter(numbers):
        return canonical, f"it uses {sorted(used)}, not each of {sorted(numbers)} once"
    return canonical, None if value == target else f"its value is {value}, not {target}"


def check_subset_sum(instance: Mapping[str, Any], text: str) -> Outcome:
    """Numbers of the list `numbers`, all different, that add up to `target`; signs `+` may stand between them."""
    numbers, target = list(instance["numbers"]), instance["target"]
    chosen = read_integers(plain(text).replace("+", " "), len(numbers))
    canonical = "{" + ", ".join(map(str, sorted(chosen))) + "}"
    if Counter(chosen) - Counter(numbers):
        return canonical, "it has numbers that are not in the list, or one twice"
    return canonical, None if sum(chosen) == target else f"the sum is {sum(chosen)}, not {target}"


def check_cryptarithm(instance: Mapping[str, Any], text: str) -> Outcome:
    """Digits for all letters, different ones, no leading zero, such that the `addends` give the `sum`; `given` ones are kept."""
    words = [*instance["addends"], instance["sum"]]
    letters = sorted(set("".join(words)))
    found = read_assignment(text, letters, [str(digit) for digit in range(10)])
    canonical = show_assignment(found)
    if len(set(found.values())) < len(letters):
        return canonical, "two letters have the same digit"
    for letter, digit in instance["given"].items():
        if found[letter] != str(digit):
            return canonical, f"{letter} is {digit} already"
    leading = next((word[0] for word in words if found[word[0]] == "0"), None)
    if leading is not None:
        return canonical, f"{leading} is zero at the start of a word"
    *addends, total = (int("".join(found[letter] for letter in word)) for word in words)
    return canonical, None if sum(addends) == total else f"the sum is {sum(addends)}, not {total}"
