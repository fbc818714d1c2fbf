"""What words of a problem say about its arithmetic: which constants they justify, and which rows choose by size.

Not here: numbers written as words (`catena.generators.quantities`).
"""

import re
from functools import lru_cache


def justified_constants(question: str, solution: str) -> frozenset[int]:
    """Constants that a reader knows without being told: 7 where there are weeks, 100 where there are cents; always 1."""
    words = {*_WORD.findall(question.lower()), *_WORD.findall(solution.lower())}
    return frozenset({1}.union(*map(_constants_of, words)))


def find_comparison(question: str, solution: str) -> str | None:
    """The words by which the truth depends on which number is larger, or on rounding; such a program cannot branch."""
    found = _CHOOSES_Q.search(question) or _CHOOSES_S.search(_NOTE.sub("", solution))
    return None if found is None else found[0]


def find_algebra(solution: str) -> str | None:
    """Where the solution solves for an unknown: its coefficients are often worked out in the head."""
    found = _UNKNOWN.search(_NOTE.sub("", solution))
    return None if found is None else found[0].strip()


_NOTE = re.compile(r"<<[^<>]*>>")
_CHOOSES_Q = re.compile(
    r"\b(?:cheap\w*|greatest|largest|smallest|biggest|highest|lowest|most money|least money|maximum|minimum|at least|at most|up to"
    r"|exceed\w*|limit\w*|whichever|median|mode|consecutive|prime|overtime|round(?:s|ed|ing)? (?:up|down|to)|nearest"
    r"|(?:over|above|below|under|more than|less than|fewer than) \$?\d[\d,.]*(?! ?(?:%|percent|more|less|fewer|years|months|weeks|days|times))"
    r"|if \w+ (?:\w+ )?(?:more|less|fewer) than)\b",
    re.IGNORECASE,
)  # fmt: skip
_CHOOSES_S = re.compile(
    r"[<>≥≤≈]|\b(?:cheaper|cheapest|better|best|greater than|less than \$?\d|more than \$?\d|larger|largest|highest|lowest|biggest|smallest|maximum|minimum"
    r"|oldest|youngest|round(?:s|ed|ing)? (?:up|down|to)|nearest|whole number|at least|at most|exceed\w*|only if|not possible|cannot"
    r"|can't|median|mode|even number|odd|prime|divisible|remainder|approximately)\b",
    re.IGNORECASE,
)  # fmt: skip
_UNKNOWN = re.compile(
    r"\blet\b.{0,60}\b(?:be|represent|equal|call|stand)\b|(?:^|[\s(=+*/-])\d*[a-wyzA-WYZ]\s?[=+*]|\b[xX]\s?[-=+]|[-=+*/]\s?\d*[b-lnp-wyzB-LNP-WYZ]\b(?! ?\d)(?!['’.])|\d[xXyY]\b(?!\s*\$?\d)",
    re.IGNORECASE | re.MULTILINE,
)

_CONSTANTS: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"weeks?|weekly|day\w*|daily|fortnight", (7,)),
    (r"fortnight\w*", (14,)),
    (r"weekdays?|school|work\w*|monday", (5,)),
    (r"weekends?|saturday", (2,)),
    (r"days?|daily|hours?|hourly|nights?", (24,)),
    (r"minutes?|hours?|hourly|seconds?", (60,)),
    (r"hours?|seconds?", (3600,)),
    (r"years?|yearly|annual\w*|months?|monthly|foot|feet|inch\w*|dozens?", (12,)),
    (r"years?|yearly|annual\w*|weeks?|weekly", (52,)),
    (r"years?|yearly|annual\w*|days?|daily", (365,)),
    (r"months?|monthly|weeks?|weekly", (4,)),
    (r"months?|monthly|april|june|september|november", (30,)),
    (r"january|march|may|july|august|october|december", (31,)),
    (r"february", (28,)),
    (r"leap", (29, 366)),
    (r"kilo\w*|grams?|km|kg|g|m|ml|met(?:er|re)s?|lit(?:er|re)s?|milli\w*|mm|mg|tons?|tonnes?|thousand", (1000,)),
    (r"cents?|dollars?|percent\w*|percentage|met(?:er|re)s?|cm|centimet\w*|hundred|century|%|penn\w+|probability|likely|chance", (100,)),
    (r"ounces?|oz|pounds?|lbs?", (16,)),
    (r"yards?|tablespoons?|teaspoons?|triang\w*", (3,)),
    (r"miles?", (5280, 1760)),
    (r"tons?", (2000,)),
    (r"gallons?|quarts?", (4, 128, 16, 8)),
    (r"pints?|cups?|quarts?", (2, 8, 4, 16)),
    (r"decades?", (10,)),
    (r"centur\w+", (100,)),
    (r"dimes?", (10,)),
    (r"nickels?", (5,)),
    (r"quarters?", (25, 4)),
    (r"squares?|tires?|wheels?|legs?|seasons?|rectang\w*", (4,)),
    (r"perimeter|rectang\w*|fenc\w+|border", (2,)),
    (r"hexagon\w*|cubes?", (6,)),
    (r"octagon\w*|spiders?|octopus\w*", (8,)),
    (r"triang\w*|angles?", (180, 2)),
    (r"circle\w*|degrees?", (360, 180, 90)),
    (r"round|back|other|bicycles?|bikes?|legs|feet|shoes|socks|average|parents|arms|eyes|wings|hands", (2,)),
)  # fmt: skip
_CONSTANT_WORDS = tuple((re.compile(words), values) for words, values in _CONSTANTS)
_WORD = re.compile(r"[a-z]+|%")


@lru_cache(maxsize=1 << 16)
def _constants_of(word: str) -> tuple[int, ...]:
    return tuple(value for pattern, values in _CONSTANT_WORDS if pattern.fullmatch(word) for value in values)
