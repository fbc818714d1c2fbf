"""Characters that hide something: invisible ones, direction overrides, tag characters, look-alike letters of other alphabets."""

import re
from collections.abc import Iterator

from catena.invisible import unseen
from catena.validators.audit_findings import Finding, shown
from catena.validators.audit_rows import AuditRow
from catena.validators.injection_views import mixed_words

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SMUGGLING = re.compile("[\U000e0000-\U000e0fff]|[\ufe00-\ufe0f]{2}")
_HARMLESS = frozenset("\u200e\u200f\u061c\u00ad\ufeff\u2028\u2029\x85")
_MANY = 4
_PILED = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0]{5,}")


def hidden_text(row: AuditRow) -> Iterator[Finding]:
    """What a reader of the row does not see; one finding per column."""
    for column, text in row.texts:
        if (piled := _PILED.search(text)) is not None:
            told = f"{column}: {len(piled[0])} marks on one letter: {shown(piled[0], 60)}"
            yield Finding("hidden text", "warning", row.row_id, told)
        marks = unseen(text)
        if marks:
            start = marks[0][0]
            told = f"{column}: {len(marks)} of them: {shown(text[max(0, start - 30) : start + 40], 100)}"
            yield Finding("hidden text", _severity(text, [char for _, char in marks]), row.row_id, told)  # type: ignore[arg-type]


def _severity(text: str, marks: list[str]) -> str:
    if _DIRECTION.search(text) or _SMUGGLING.search(text) or "\x1b" in text:
        return "severe"
    if _HARMLESS.issuperset(marks):
        return "note"
    return "severe" if len(marks) >= _MANY else "warning"


def mixed_alphabets(row: AuditRow) -> Iterator[Finding]:
    """Words in which letters of another alphabet pass for Latin ones."""
    for column, text in row.texts:
        words = mixed_words(text)
        if words:
            told = f"{column}: {', '.join(shown(word, 40) for word in words[:3])}"
            yield Finding("mixed alphabets", "severe" if len(words) > 1 else "warning", row.row_id, told)
