"""What a prompt says: its topic, the problem and the texts that it quotes, the answer that it holds to be right.

The product's prompts quote untrusted text between `[begin MARK]` and `[end MARK]` and label the rest (`Topic:`,
`Reference answer:`); labels are looked for outside quotations first. Prompts without fences are read as well as can be.
"""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"\[begin ([0-9a-f]{6,})\]\r?\n(.*?)\r?\n?\[end \1\]", re.DOTALL)
_TOPIC = re.compile(
    r"^[\s>*#_-]*(?:parent|topic|parent topic|topic path)[*_]*\s*[:=][*_\s]*?(\S.*?)[*_\s]*$",
    re.IGNORECASE | re.MULTILINE,
)
_HEAD = r"^[\s>*#_-]*(?:the )?"
_TAIL = r"[*_]*\s*[:=][*_\s]*(\S.*?)[*_]*\s*$"
_REFERENCE = re.compile(
    _HEAD + r"(?:(?:reference|stated|given|gold|correct|expected|true|proposed|claimed)(?: final)? answer|answer (?:given|stated|claimed))" + _TAIL,
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_ANSWER = re.compile(_HEAD + r"(?:final )?answer" + _TAIL, re.IGNORECASE | re.MULTILINE)
_COUNT = re.compile(
    r"\b([0-9]{1,3})\s+(?:[a-z-]+\s+){0,3}(?:sub-?topics?|topics?|children|names|concepts|areas|branches|items|entries)\b|"
    r"^[\s>*#_-]*(?:number|count|how many|wanted)[*_]*\s*[:=]\s*([0-9]{1,3})\b",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A prompt taken apart: what stands outside of its quotations, and the quotations in order."""

    outside: str
    quoted: tuple[str, ...]

    @property
    def problem(self) -> str:
        """Where the problem stands: the first quotation, or the whole text."""
        return self.quoted[0] if self.quoted else self.outside


def parts_of(prompt: str) -> Parts:
    """`prompt` taken apart at its fences."""
    if "[begin " not in prompt:
        return Parts(prompt, ())
    pieces = _FENCE.split(prompt)  # text, mark, quotation, text, mark, quotation, ..., text
    return Parts("".join(pieces[::3]), tuple(pieces[2::3]))


def topic_of(parts: Parts) -> str:
    """The path of the topic, its parts joined by ` / `; empty where none is named."""
    found = _TOPIC.findall(parts.outside)
    path = [part.strip() for part in re.split(r"\s*(?:/|>|»|→)\s*", found[-1][:1000])] if found else []
    return " / ".join(part for part in path if part)


def answer_held_right(parts: Parts) -> str | None:
    """The answer that the prompt calls the reference, the stated or the given one; None where it names none."""
    found = _REFERENCE.findall(parts.outside) or _ANSWER.findall(parts.outside)
    return found[-1].strip() if found else None


def number_wanted(parts: Parts) -> int | None:
    """How many things the prompt asks for, in [1, 200]; None where it does not say."""
    match = _COUNT.search(parts.outside)
    return min(max(int(match[1] or match[2]), 1), 200) if match else None
