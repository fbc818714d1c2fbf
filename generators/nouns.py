"""What a question asks for, as a noun phrase: "How many clips did Natalia sell?" asks for "the number of clips"."""

import re

FALLBACK = "the answer"

_PLURAL = r"(?!(?:was|is|does|has|less|his|its|this|always)\b)[a-z][a-z'-]*s|people|children|fish|men|women|mice|teeth|feet|geese|sheep|deer|cattle|popcorn|pieces of \w+"
_NOUN = rf"(?P<noun>(?:(?!(?:of|the|more|fewer|less|times|have|has|did|do|does|will|are|were|can|total)\b)[a-z][a-z'-]* ){{0,2}}?(?:{_PLURAL}))(?![\w'-])"
_COUNT = re.compile(rf"\b[Hh]ow many (?P<total>total )?(?:different )?{_NOUN}")
_NUMBER_OF = re.compile(
    rf"\b(?:[Ff]ind|[Cc]alculate|[Dd]etermine|[Ww]hat (?:is|was|are|were|will be)) the (?P<total>total )?number of {_NOUN}"
)
_PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), noun)
    for pattern, noun in (
        (r"\bhow (?:much|many) (?:more|less|fewer)\b|\bhow many (?:more )?times\b", FALLBACK),
        (r"\bhow much (?:total )?(?:money|change)\b", "the amount of money"),
        (r"\bhow much (?:did|does|do|will|would|is|was|are|were|has|have|had|can|could|should|must)\b", "the amount"),
        (r"\bhow (?:far|many miles)\b", "the distance"),
        (r"\bhow (?:old)\b", "the age"),
        (r"\bhow tall\b", "the height"),
        (r"\bhow fast\b", "the speed"),
    )
)
_MUCH = re.compile(
    r"\b[Hh]ow much (?:total )?(?P<noun>[a-z]+)(?= (?:did|does|do|will|is|was|has|have|can|would|should|must|needs|remains)\b)"
)
_WHAT = re.compile(
    r"\bwhat (?:is|was|are|were|will be|would be) the (?P<noun>(?:total |average |final |new |combined |original )?(?:cost|price|amount|length|width"
    r"|height|weight|distance|area|volume|perimeter|age|value|score|profit|number|sum|difference|population|speed|time|temperature|percentage))\b",
    re.IGNORECASE,
)


def noun_of(question: str) -> str:
    """What the last sentence asks for; "the answer" where it does not say so plainly."""
    last = re.split(r"(?<=[.?!])\s+", question.strip())[-1]
    if match := _COUNT.search(last) or _NUMBER_OF.search(last):
        total = "total " if (match["total"] or "").lower() == "total " else ""
        return f"the {total}number of {match['noun'].lower()}"
    for pattern, noun in _PHRASES:
        if pattern.search(last):
            return noun
    if match := _MUCH.search(last):
        return f"the amount of {match['noun'].lower()}"
    if match := _WHAT.search(last):
        return f"the {match['noun'].lower()}"
    return FALLBACK
