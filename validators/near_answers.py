"""Final answers as they are compared when two statements may be one problem: numbers by value, other short texts by their letters.

Cheap, and no judge of correctness (`catena.answers` is): an answer that cannot be read this way is unknown, never different.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

_LONGEST = 100
_SAME_PROBLEM = 0.95
"""How often one problem has one answer: keys are sometimes wrong (assumed)."""
_RAREST = 0.01
"""An answer that no other item has is taken to be this common, so that no single answer decides."""
_NUMBER = re.compile(r"[$€£]?\s*(-?\d{1,18}(?:,\d{3})*(?:\.\d{1,18})?(?:/\d{1,18})?)\s*%?\.?")
_OTHER = re.compile(r"[\W_]+")


def answer_key(answer: str) -> str | None:
    """What equal answers have in common; None where the text is empty, or too long to be a final answer.

    Of a worked solution that ends in `#### 72`, as GSM8K's do, the part behind the last mark counts.
    """
    text = unicodedata.normalize("NFKC", answer[-2_000:].rpartition("####")[2]).strip()
    if not 0 < len(text) <= _LONGEST:
        return None
    number = _NUMBER.fullmatch(text)
    if number is None:
        return _OTHER.sub(" ", text.casefold()).strip() or None
    try:
        return str(Fraction(number[1].replace(",", "")))
    except (ValueError, ZeroDivisionError):
        return None


def same_answer(a: str | None, b: str | None) -> bool | None:
    """Whether two keys agree; None where one is unknown."""
    return None if a is None or b is None else a == b


class AnswerEvidence:
    """What answers tell about two statements being one problem: agreement in a rare answer more than in a common one.

    Args:
        keys: Of the items' answers, from which it is known how common each is.
    """

    def __init__(self, keys: Iterable[str | None]) -> None:
        self._counts = Counter(key for key in keys if key is not None)
        self._total = max(1, self._counts.total())

    def of(self, a: str | None, b: str | None) -> float | None:
        """Logarithm of the odds that two keys add; None where one is unknown."""
        if a is None or b is None:
            return None
        if a != b:
            return math.log((1 - _SAME_PROBLEM) / _SAME_PROBLEM)
        return math.log(_SAME_PROBLEM / max(_RAREST, self._counts[a] / self._total))
