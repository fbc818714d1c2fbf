"""Reasoning inside think tags, told apart from the answer.

Known: `<think>` (Qwen3, DeepSeek-R1 and most others), `<thinking>`, `<seed:think>` (Seed-OSS), `[THINK]` (Magistral).
Not here: reasoning that a server sends in a field of its own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

OPENING = ("<think>", "<thinking>", "<seed:think>", "[THINK]")
CLOSING = ("</think>", "</thinking>", "</seed:think>", "[/THINK]")

_OPEN, _CLOSE = (f"(?:{'|'.join(map(re.escape, tags))})" for tags in (OPENING, CLOSING))
_TAG = re.compile(rf"{_OPEN}|{_CLOSE}")
_MARKS = ("think>", "thinking>", "THINK]")  # looked for first: most long texts hold none, and a plain search is fast
_OPEN_AT_END = re.compile(rf"{_OPEN}\s*\Z")
# A tag directly between backticks is spoken of, not used. Fences as in CommonMark, but closed by an equal marker only.
_TOKEN = re.compile(
    rf"(?:(?<!`)(?:(?P<o1>{_OPEN})|(?P<c1>{_CLOSE}))|(?:(?P<o2>{_OPEN})|(?P<c2>{_CLOSE}))(?!`))"
    r"|^ {0,3}(?P<marker>`{3,}|~{3,})(?P<info>[^`\n]*)$",
    re.MULTILINE,
)


def split_reasoning(text: str, *, truncated: bool) -> tuple[str, str | None]:
    """The answer and the reasoning of `text`; `truncated` says that it was cut off (finish reason `length`).

    What stands before a closing tag is reasoning, whether or not its opening tag was in the prompt
    (Qwen3-Thinking-2507, DeepSeek-R1). An opening tag that is never closed: all after it is reasoning and the answer is
    empty, when it stands first or the text was cut off; else it is a word of the answer. Tags inside code
    are code. Several blocks, and several parts of the answer, are joined by an empty line.

    Returns:
        The text as it came and None where no reasoning is found, else both stripped; an empty block is None.
    """
    if not any(mark in text for mark in _MARKS) or _TAG.search(text) is None:
        return text, None
    tokens = list(_tokens(text))
    parts = _read(text, tokens, truncated=truncated)
    if parts is None:
        parts = _read(text, [token for token in tokens if token.kind != "fence"], truncated=truncated)
    assert parts is not None, "without fences no closing tag is passed over"
    if not parts.found:
        return text, None
    return _joined(parts.answer), _joined(parts.reasoning) or None


def opens_reasoning(prompt: str) -> bool:
    """Whether a rendered prompt ends with an opening think tag, so that the completion starts inside the block."""
    return _OPEN_AT_END.search(prompt) is not None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # open, close, fence
    start: int
    end: int
    closer: int | None = None  # of a fence: the index of the token that closes it


@dataclass(slots=True)
class _Parts:
    answer: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    found: bool = False


def _tokens(text: str) -> Iterator[_Token]:
    matches = list(_TOKEN.finditer(text))
    bare: dict[str, int] = {}
    closers: list[int | None] = [None] * len(matches)
    for index in range(len(matches) - 1, -1, -1):
        if marker := matches[index]["marker"]:
            closers[index] = bare.get(marker)
            if not matches[index]["info"].strip():
                bare[marker] = index
    for match, closer in zip(matches, closers, strict=True):
        kind = "fence" if match["marker"] else "open" if match["o1"] or match["o2"] else "close"
        yield _Token(kind, match.start(), match.end(), closer)


def _read(text: str, tokens: list[_Token], *, truncated: bool) -> _Parts | None:
    """The parts of `text`; None when a block stays open although a closing tag was passed over inside a fence."""
    parts, position, opened, unclosed_fence, skipped = _Parts(), 0, -1, False, False
    index = 0
    while index < len(tokens):
        token = tokens[index]
        index += 1
        if token.kind == "fence" and token.closer is None:
            unclosed_fence = True
        elif token.kind == "fence" and token.closer is not None:
            skipped = skipped or any(inner.kind == "close" for inner in tokens[index : token.closer])
            index = token.closer + 1
        elif token.kind == "close":
            parts.reasoning.append(text[position : token.start])
            parts.found, position, opened, unclosed_fence, skipped = True, token.end, -1, False, False
        elif opened < 0 and unclosed_fence:
            break
        elif opened < 0:
            parts.answer.append(text[position : token.start])
            position, opened = token.end, token.start
    return _finished(parts, text, position, opened, truncated=truncated, skipped=skipped)


def _finished(parts: _Parts, text: str, position: int, opened: int, *, truncated: bool, skipped: bool) -> _Parts | None:
    first = opened >= 0 and not text[:opened].strip()
    if opened < 0:
        parts.answer.append(text[position:])
    elif skipped and not truncated:
        return None
    elif truncated or first:
        parts.found = True
        parts.reasoning.append(text[position:])
    else:
        parts.answer[-1] += text[opened:]
    return parts


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in map(str.strip, parts) if part)
