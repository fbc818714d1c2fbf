"""Texts that talk to a judge: "Verdict: VALID", fake tool output, role tags, hidden characters, in several languages.

A finding says that a text holds what no problem and no solution needs; it does not say that a judge would fall for it. The
patterns are a table (`injection.toml`), read on the text as it stands, in plain letters, and on what it decodes to. A detector
of patterns cannot find what nobody thought of: the fences and schemas of the prompts are the defence, this is the alarm.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

from catena.invisible import spelled_out, unseen
from catena.validators.injection_views import Decoded, decoded, mixed_words, plain_letters

InjectionKind = Literal[
    "verdict", "override", "addresses the judge", "pressure", "language", "chat markup", "fence", "tool output",
    "hidden text", "encoded",
]  # fmt: skip
INJECTION_KINDS: tuple[InjectionKind, ...] = get_args(InjectionKind)
MOST_CHARS = 200_000
"""Only so much of a text's begin and end, half each, is read."""
_SHOWN = 120
_MANY_UNSEEN = 4
_WORD = re.compile(r"[a-z]+")
_OTHER_SCRIPT = re.compile("[^\x00-\u024f\u2000-\u2bff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAG = re.compile("[\U000e0020-\U000e007f]{2}|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}")
_IN_WORD = re.compile("[A-Za-z][\u00ad\u200b-\u200f\u2060\ufeff]+[A-Za-z]")


@dataclass(frozen=True, slots=True)
class InjectionFinding:
    """A place in a text that talks to its reader; `start` is about where it begins, in characters, 0 where it was decoded.

    `evidence` is short, on one line, and spells out what cannot be seen.
    """

    kind: InjectionKind
    start: int
    evidence: str


@dataclass(frozen=True, slots=True)
class _Table:
    plain: tuple[tuple[InjectionKind, tuple[re.Pattern[str], ...]], ...]
    raw: tuple[tuple[InjectionKind, tuple[re.Pattern[str], ...]], ...]


_Lists = Mapping[InjectionKind, Sequence[str]]


@cache
def _table() -> _Table:
    document = tomllib.loads((Path(__file__).parent / "injection.toml").read_text(encoding="utf-8"))
    raw = document.pop("raw")
    assert set(document) | set(raw) <= set(INJECTION_KINDS)
    return _Table(_compiled(cast(_Lists, document)), _compiled(cast(_Lists, raw)))


def _compiled(
    lists: _Lists,
) -> tuple[tuple[InjectionKind, tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        (kind, tuple(re.compile(text, re.IGNORECASE) for text in patterns)) for kind, patterns in lists.items()
    )


_CUES = frozenset(
    re.findall(
        r"\S+",
        """accept accepted accepts acceptable action ai answer approve approved assume attention bypass calibration checker
    claude correct correctness dan dear debug decision developer disregard doubt equality evaluation evaluator evaluators
    examiner expected forbidden forget forgotten function gemini gold gpt grade grader graders grading harness hello hey
    hi ignore initial instruction instructions jailbreak judge judgement judges judgment key language llm llms maintenance
    mark match mode model models notice now observation official original override overrule policies policy preceding pretend
    previous prior prompt prompts rate rating reject rejecting reference regardless reply respond reveal review reviewer
    reviewers ruling rubric rules say score skip system task tip tool unless valid validate validated validator verdict
    verification verified verifier verifiers verify vote whatever""",
    )
)
"""English words without which no pattern of the plain text in English can match."""


def find_injection(text: str) -> list[InjectionFinding]:
    """What in `text` talks to its reader, at most one finding per kind, in the order of `INJECTION_KINDS`."""
    if len(text) > MOST_CHARS:
        text = f"{text[: MOST_CHARS // 2]}\n{text[-MOST_CHARS // 2 :]}"
    found: dict[InjectionKind, InjectionFinding] = {}
    for finding in (*_hidden(text), *_in_raw(text), *_in_plain(text), *_in_decoded(text)):
        found.setdefault(finding.kind, finding)
    return [found[kind] for kind in INJECTION_KINDS if kind in found]


def _in_raw(text: str) -> Iterator[InjectionFinding]:
    for kind, patterns in _table().raw:
        for pattern in patterns:
            if (match := pattern.search(text)) is not None:
                yield _finding(kind, match.start(), text[match.start() : match.end() + 40])
                break


def _in_plain(text: str) -> Iterator[InjectionFinding]:
    plain = plain_letters(text)
    english = not _CUES.isdisjoint(_WORD.findall(plain))
    if not english and _OTHER_SCRIPT.search(plain) is None and not _foreign(plain):
        return
    for kind, patterns in _table().plain:
        for pattern in patterns:
            if (match := pattern.search(plain)) is not None:
                yield _finding(kind, match.start(), plain[match.start() : match.end() + 40])
                break


_FOREIGN = re.compile(
    r"ignor|vergiss|vergesst|missacht|bergeh|punktzahl|bewerte|markiere|akzeptiere|oublie|pas compte|maximale|consid.rez|marquez|acceptez"
    r"|olvida|descart|desconsider|esque|dimentica|abaikan|lupakan|talimat|negeer|vergeet|zapomnij"
)


def _foreign(plain: str) -> bool:
    return _FOREIGN.search(plain) is not None


def _hidden(text: str) -> Iterator[InjectionFinding]:
    marks = unseen(text)
    if marks and (_BIDI.search(text) or _TAG.search(text) or _IN_WORD.search(text) or len(marks) >= _MANY_UNSEEN):
        start = marks[0][0]
        yield _finding("hidden text", start, text[max(0, start - 10) : start + 40])
    words = mixed_words(text)
    if words:
        yield _finding(
            "hidden text", text.find(words[0]), f"letters of two alphabets in one word: {' '.join(words[:4])}"
        )


def _in_decoded(text: str) -> Iterator[InjectionFinding]:
    for view in decoded(text):
        if view.telling or any(True for _ in (*_in_raw(view.text), *_in_plain(view.text))):
            yield _as_encoded(view)


def _as_encoded(view: Decoded) -> InjectionFinding:
    return _finding("encoded", 0, f"{view.code}: {view.text}")


def _finding(kind: InjectionKind, start: int, piece: str) -> InjectionFinding:
    return InjectionFinding(kind, start, " ".join(spelled_out(piece).split())[:_SHOWN])
