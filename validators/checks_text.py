"""Checks of a text by its form and language; no model, no other column. See `catena.validators.checks`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

LONGEST_STATEMENT = 20_000
_LEAST_CHARS = 8
_UNFINISHED = re.compile(
    r"(?:[,(\[{=+*/&-]|\b(?:the|an?|of|and|or|to|in|with|for|by|is|are|was|that|which|if|then|from|at|as|than|has|have|between))\s*$"
)
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)", re.MULTILINE)
_MOJIBAKE = re.compile("\ufffd|[\ud800-\udfff]|Ã[\x80-\xbf©¨¼¶¤±³¡­ª«º]|â€[™œ\x9d¦“”]|ï»¿")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s?\{([a-zA-Z*]{1,20})\}")
_LATEX = re.compile(r"\\[a-zA-Z]+|\$[^$]*\$")

Reason = Literal[
    "empty text", "too long", "cut off", "unbalanced LaTeX", "unbalanced code fence", "unreadable characters", "other language",
    "answer unreadable", "answer leaked", "unit does not fit", "another unit than asked", "magnitude", "program disagrees",
    "solution disagrees", "no certificate", "injection",
]  # fmt: skip
"""Why a row is refused, or looked at: a fixed vocabulary."""
HINTS: frozenset[Reason] = frozenset(("magnitude", "another unit than asked"))
"""Reasons to look at a row; they refuse none."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a row: a reason of the vocabulary, and what exactly was found."""

    reason: Reason
    detail: str = ""

    @property
    def rejects(self) -> bool:
        """Whether the row should go no further."""
        return self.reason not in HINTS


def check_form(text: str, *, longest: int = LONGEST_STATEMENT) -> Iterator[Flaw]:
    """Empty, overlong or cut-off text, brackets of LaTeX and code fences that do not close, characters that were lost."""
    stripped = text.strip()
    if len(stripped) < _LEAST_CHARS or not any(map(str.isalnum, stripped)):
        yield Flaw("empty text", f"{len(stripped)} characters, expected at least {_LEAST_CHARS}")
        return
    if len(text) > longest:
        yield Flaw("too long", f"{len(text):,} characters, expected at most {longest:,}")
        return
    if (ending := _UNFINISHED.search(stripped[-40:].lower())) is not None:
        yield Flaw("cut off", f"ends in {ending[0].strip()!r}")
    if (unbalanced := _unbalanced(text)) is not None:
        yield Flaw("unbalanced LaTeX", unbalanced)
    if len(_FENCE.findall(text)) % 2:
        yield Flaw("unbalanced code fence", "an odd number of ``` lines")
    if (lost := _MOJIBAKE.search(text)) is not None:
        yield Flaw("unreadable characters", ascii(text[max(0, lost.start() - 10) : lost.end() + 10]))


def _unbalanced(text: str) -> str | None:
    """The first bracket of LaTeX that does not close; single `$` are left alone, as they may be dollars."""
    bare = text.replace("\\\\", "").replace(r"\{", "").replace(r"\}", "").replace(r"\$", "")
    pairs = ((r"\(", r"\)"), (r"\[", r"\]"), (r"\left", r"\right"))
    if bare.count("$$") % 2:
        return "an odd number of $$"
    for opening, closing in pairs:
        left, right = (len(re.findall(rf"{re.escape(end)}(?!(?<=[a-z])[a-zA-Z])", bare)) for end in (opening, closing))
        if left != right:
            return f"{left} {opening} and {right} {closing}"
    begun = [name for what, name in _ENVIRONMENT.findall(bare) if what == "begin"]
    ended = [name for what, name in _ENVIRONMENT.findall(bare) if what == "end"]
    if sorted(begun) != sorted(ended):
        return f"environments {begun[:3]} begun, {ended[:3]} ended"
    in_latex = re.search(r"\\[a-zA-Z]{2,}\s?\{", bare) is not None
    if in_latex and bare.count("{") != bare.count("}"):
        return f"{bare.count('{')} {{ and {bare.count('}')} }}"
    return None


_SCRIPTS = {
    "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff", "cyrillic": "\u0400-\u052f", "greek": "\u0370-\u03ff\u1f00-\u1fff", "arabic": "\u0600-\u06ff\u0750-\u077f",
    "hebrew": "\u0590-\u05ff", "devanagari": "\u0900-\u097f", "bengali": "\u0980-\u09ff", "thai": "\u0e00-\u0e7f", "hangul": "\u1100-\u11ff\uac00-\ud7af",
    "han": "\u3400-\u9fff", "kana": "\u3040-\u30ff\u3400-\u9fff",
}  # fmt: skip
_SCRIPT_OF = {
    **dict.fromkeys(("ru", "uk", "bg", "sr"), "cyrillic"), "el": "greek", **dict.fromkeys(("ar", "fa", "ur"), "arabic"), "he": "hebrew",
    **dict.fromkeys(("hi", "mr", "ne"), "devanagari"), "bn": "bengali", "th": "thai", "ko": "hangul", "zh": "han", "ja": "kana",
    **dict.fromkeys(("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "sv", "vi", "id", "cs", "ro", "fi", "da"), "latin"),
}  # fmt: skip
_FUNCTION_WORDS = {
    "en": "the of and to is in that for how many with are what was has each if from by this",
    "de": "der die das und ist nicht wie mit ein eine von zu den im auf für sich dem wird viele",
    "fr": "le la les des est et une dans pour que combien qui sur avec par il au du plus sont",
    "es": "el los las que una por con para cuántos del es se cada como su son en más qué tiene",
    "it": "il che di una per con gli quanti della sono non più ogni ha nel se come le delle questo",
    "pt": "o os que uma por com para quantos do da em não cada como seu são mais tem ao dos",
    "nl": "de het een van en is hoeveel met voor op die te niet zijn heeft aan elke door bij naar",
}
_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
_LEAST_LETTERS, _LEAST_FUNCTION_WORDS = 30, 6


def check_language(text: str, declared: str) -> Iterator[Flaw]:
    """Whether a text is plainly in another language than `declared` (ISO 639-1), by its script or its function words.

    Says nothing about short texts, formulas, languages that it does not know, and neighbours such as Spanish and Portuguese.
    """
    script = _SCRIPT_OF.get(declared.lower()[:2])
    words = _LATEX.sub(" ", text)
    letters = sum(map(str.isalpha, words))
    if script is None or letters < _LEAST_LETTERS:
        return
    own = len(re.findall(f"[{_SCRIPTS[script]}]", words))
    if own < letters / 2:
        yield Flaw("other language", f"{own} of {letters} letters are {script}, as {declared!r} is written")
    elif declared.lower()[:2] in _WORDS:
        seen = re.findall(r"[^\W\d_]+", words.lower())
        counts = {language: sum(word in known for word in seen) for language, known in _WORDS.items()}
        best = max(counts, key=lambda language: counts[language])
        if counts[best] >= max(_LEAST_FUNCTION_WORDS, 3 * counts[declared.lower()[:2]]):
            yield Flaw(
                "other language",
                f"function words of {best!r}: {counts[best]}, of {declared!r}: {counts[declared.lower()[:2]]}",
            )
