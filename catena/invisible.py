"""Characters that a reader does not see: which there are in a text, and the text with them spelled out (`<U+200B>`).

A zero-width joiner or non-joiner between letters of scripts that need it, or inside an emoji, is part of the writing and
stays, as does a single emoji variation selector. Not here: letters that only look like others (`catena.validators.audit_unicode`).
"""

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
    "|\r(?!\n)"
    "|(?<![\u0590-\u1fff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
    "|[\u200c\u200d](?![\u0590-\u1fff\u2190-\u2bff\U0001f000-\U0001faff])"
    "|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]|(?<![\u0023-\u0039\u00a9\u00ae\u2000-\u3300\U0001f000-\U0001faff])[\ufe00-\ufe0f]"
)


def unseen(text: str) -> list[tuple[int, str]]:
    """Position and character of everything in `text` that a reader does not see, in order."""
    return [] if text.isascii() and text.isprintable() else [(one.start(), one[0]) for one in _UNSEEN.finditer(text)]


def spelled_out(text: str) -> str:
    """`text` with what cannot be seen written as `<U+XXXX>`, so that a reader and a model read the same."""
    return _UNSEEN.sub(lambda one: f"<U+{ord(one[0]):04X}>", text)


def without_unseen(text: str) -> str:
    """`text` as it looks."""
    return _UNSEEN.sub("", text)
