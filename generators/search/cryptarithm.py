"""Cryptarithms: letters for digits in an addition; as many are given as it takes for one solution, certified by a solver."""

from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values
from catena.generators.search.space import Drawn, Family
from catena.puzzles.reading import show_assignment
from catena.records import Answer

WORDINGS = (
    "In {one} + {other} = {total} each letter stands for a digit, different letters for different digits, and no number begins with"
    " zero. {given}Give the digit of every letter, as A=1, B=2, ...",
    "Solve the cryptarithm {one} + {other} = {total}: every letter is one digit, no two letters share one, leading digits are not 0."
    " {given}Write letter=digit for all letters.",
    "{one} plus {other} is {total}, if every letter is replaced by its digit (each letter its own one, never 0 at the front)."
    " {given}Which digit is each letter? Answer with letter=digit.",
)
LENGTHS = {1: (2, 2), 2: (3, 3), 3: (4, 3), 4: (4, 4)}
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ"


def space_of(words: tuple[str, str, str], given: dict[str, int]) -> Constraints:
    """The states: digits of the letters, in the order in which they come up in the columns from the right."""
    columns = [[word[-at] if at <= len(word) else "" for word in words] for at in range(1, len(words[2]) + 1)]
    letters = tuple(dict.fromkeys(letter for column in columns for letter in column if letter))
    index = {letter: at for at, letter in enumerate(letters)}
    leading = {index[word[0]] for word in words}

    def clash(values: Values, letter: int, digit: int) -> str | None:
        if digit in values:
            return f"it is {letters[values.index(digit)]}"
        if digit == 0 and letter in leading:
            return "a number would begin with 0"
        return wrong_column((*values[:letter], digit, *values[letter + 1 :]))

    def wrong_column(values: Values) -> str | None:
        carry = 0
        for place, column in enumerate(columns, 1):
            digits = [values[index[letter]] if letter else 0 for letter in column]
            if FREE in digits:
                return None
            total = digits[0] + digits[1] + carry
            if total % 10 != digits[2]:
                return f"column {place} from the right would end in {total % 10}, not {digits[2]}"
            carry = total // 10
        return "a carry would be left over" if carry else None

    def write(values: Values) -> str:
        return show_assignment({letter: str(values[index[letter]]) for letter in sorted(letters)})

    known = tuple(given.get(letter, FREE) for letter in letters)
    return Constraints(letters, (tuple(range(10)),) * len(letters), known, clash, write)


def count(words: tuple[str, str, str], given: dict[str, int], limit: int = 2) -> tuple[list[dict[str, int]], int]:
    """Up to `limit` solutions and the states visited, column by column from the right; the last letter of one follows."""
    found: list[dict[str, int]] = []
    nodes, leading, width = 0, {word[0] for word in words}, len(words[2])

    def put(place: int, row: int, carry: int, digits: dict[str, int]) -> None:
        nonlocal nodes
        nodes += 1
        if len(found) >= limit:
            return
        if place > width:
            if not carry:
                found.append(dict(digits))
            return
        column = [word[-place] if place <= len(word) else "" for word in words]
        if row == 2:
            total = carry + sum(digits[letter] for letter in column[:2] if letter)
            choices, carry = [total % 10], total // 10
        else:
            choices = list(range(10)) if column[row] else [0]
        letter = column[row]
        after = (place, row + 1) if row < 2 else (place + 1, 0)
        for digit in choices:
            if not letter or digits.get(letter) == digit:
                put(*after, carry, digits)
            elif letter not in digits and digit not in digits.values() and not (digit == 0 and letter in leading):
                put(*after, carry, {**digits, letter: digit})

    put(1, 0, 0, given)
    return found, nodes


def draw(level: int, rng: Random) -> Drawn | None:
    """A random addition; letters are given away until one solution is left, at most half of them."""
    long, short = LENGTHS[level]
    one, other = rng.randrange(10 ** (long - 1), 10**long), rng.randrange(10 ** (short - 1), 10**short)
    numbers = (str(one), str(other), str(one + other))
    used = rng.sample(sorted(set("".join(numbers))), len(set("".join(numbers))))
    names = dict(zip(used, rng.sample(LETTERS, len(used)), strict=True))
    words = ["".join(names[digit] for digit in number) for number in numbers]
    triple = (words[0], words[1], words[2])
    given: dict[str, int] = {}
    for digit in used[: len(used) // 2 + 1]:
        solutions, nodes = count(triple, given)
        if len(solutions) == 1:
            break
        given[names[digit]] = int(digit)
    else:
        return None
    told = " and ".join(f"{letter} is {digit}" for letter, digit in given.items())
    statement = rng.choice(WORDINGS).format(
        one=words[0], other=words[1], total=words[2], given=f"It is known that {told}. " if given else ""
    )
    answer = Answer("string", show_assignment({letter: str(solutions[0][letter]) for letter in sorted(solutions[0])}))
    instance = {"addends": words[:2], "sum": words[2], "given": given}
    return Drawn("cryptarithm", level, instance, statement, answer, True, nodes, space_of(triple, given))


FAMILY = Family("cryptarithm", ("puzzles", "arithmetic", "cryptarithms"), 4, draw)
