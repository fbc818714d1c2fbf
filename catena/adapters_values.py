"""What operations read off answers that are no single number: lists, sets, words, dates, truth values; and roots.

Each takes an answer and gives a whole number, or raises `NotAdaptable`.
"""

from datetime import date
from math import isqrt

from catena.records import Value


class NotAdaptable(ValueError):
    """The answer is not of a kind that this operation takes."""


def root(answer: Value) -> int:
    """The integer part of the square root of a whole number from zero on."""
    if type(answer) is not int or answer < 0:
        raise NotAdaptable(f"a whole number from zero on is needed, got {answer!r}")
    return isqrt(answer)


def last_digits(answer: Value, digits: int) -> int:
    """The number that the last digits of a longer whole number make."""
    if type(answer) is not int or abs(answer) < 10**digits:
        raise NotAdaptable(f"a whole number of more than {digits} digits is needed, got {answer!r}")
    return abs(answer) % int(10**digits)


def turned(answer: Value) -> int:
    """The number with the digits of a whole number from zero on in reverse order; zeros in front of it count for nothing."""
    if type(answer) is not int or answer < 0:
        raise NotAdaptable(f"a whole number from zero on is needed, got {answer!r}")
    return int(str(answer)[::-1])


def entry(answer: Value, place: int) -> int:
    """The entry at a place, counted from one; it must be whole."""
    return _numbers(_at(answer, place))[0]


def entry_letters(answer: Value, place: int) -> int:
    """The length of the word at a place, counted from one."""
    return len(_word(_at(answer, place)[0]))


def largest(answer: Value) -> int:
    """The largest of whole entries."""
    return max(_numbers(answer))


def smallest(answer: Value) -> int:
    """The smallest of whole entries."""
    return min(_numbers(answer))


def total(answer: Value) -> int:
    """The sum of whole entries."""
    return sum(_numbers(answer))


def different_letters(answer: Value) -> int:
    """How many different letters a word has, capitals and small ones as one."""
    return len({letter for letter in _word(answer).lower() if letter.isalpha()})


def letter(answer: Value, place: int) -> int:
    """The place in the alphabet of the letter at a place of a word, both counted from one."""
    word = _word(answer).lower()
    if not 1 <= place <= len(word) or not "a" <= word[place - 1] <= "z":
        raise NotAdaptable(f"no letter from a to z at place {place} of {answer!r}")
    return ord(word[place - 1]) - ord("a") + 1


def first_in_order(answer: Value) -> int:
    """The place in the alphabet of the first letter that a word has when its letters are sorted."""
    letters = sorted(letter for letter in _word(answer).lower() if "a" <= letter <= "z")
    if not letters:
        raise NotAdaptable(f"no letter from a to z in {answer!r}")
    return ord(letters[0]) - ord("a") + 1


def truth(answer: Value) -> int:
    """1 for true, 0 for false."""
    if type(answer) is not bool:
        raise NotAdaptable(f"true or false is needed, got {answer!r}")
    return int(answer)


def day_of_month(answer: Value) -> int:
    """The day of a date, 1 to 31."""
    return _date(answer).day


def day_of_year(answer: Value) -> int:
    """The number of a date's day in its year, from 1."""
    return _date(answer).timetuple().tm_yday


def days_since_2000(answer: Value) -> int:
    """Days from 2000-01-01 to a date."""
    return (_date(answer) - date(2000, 1, 1)).days


def _numbers(answer: Value) -> list[int]:
    numbers = [item for item in answer if type(item) is int] if isinstance(answer, tuple) else []
    if not isinstance(answer, tuple) or not numbers or len(numbers) != len(answer):
        raise NotAdaptable(f"whole entries are needed, got {answer!r}")
    return numbers


def _at(answer: Value, place: int) -> tuple[Value, ...]:
    if not isinstance(answer, tuple) or not 1 <= place <= len(answer):
        raise NotAdaptable(f"a list with an entry number {place} is needed, got {answer!r}")
    return answer[place - 1 : place]


def _word(answer: Value) -> str:
    if not isinstance(answer, str):
        raise NotAdaptable(f"a word is needed, got {answer!r}")
    return answer


def _date(answer: Value) -> date:
    try:
        return date.fromisoformat(_word(answer))
    except ValueError as error:
        raise NotAdaptable(f"a date such as 2026-03-01 is needed, got {answer!r}") from error
