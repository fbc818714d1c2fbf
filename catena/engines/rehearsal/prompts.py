"""What a prompt says: its topic, the problem and the texts that it quotes, the answer that it holds to be right.

The product's prompts quote untrusted text between `[begin MARK]` and `[end MARK]` and label the rest (`Topic:`,
`Reference answer:`); labels are looked for outside quotations first. A quotation below the label of a topic or an answer is
read as if it stood beside its label. Prompts without fences are read as well as can be.
"""

import re
from dataclasses import dataclass

_BEGIN = re.compile(r"\[begin ([0-9a-f]{6,64})\]\r?\n")
_LABEL_ABOVE = re.compile(r"(?:^|\n)(?:topic|reference answer|answer given):[ \t]*\r?\n$", re.IGNORECASE)
_HEAD = r"^[ \t>*#_-]{0,12}(?:the )?"
_TAIL = r"[*_]{0,3}[ \t]{0,8}[:=][*_ \t]*(\S.*)$"  # greedy: what trails is stripped afterwards, in linear time
_TOPIC = re.compile(_HEAD + r"(?:parent|topic|parent topic|topic path)" + _TAIL, re.IGNORECASE | re.MULTILINE)
_REFERENCE = re.compile(
    _HEAD
    + r"(?:(?:reference|stated|given|gold|correct|expected|true|proposed|claimed)(?: final)? answer"
    + r"|answer (?:given|stated|claimed))"
    + _TAIL,
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER = re.compile(_HEAD + r"(?:final )?answer" + _TAIL, re.IGNORECASE | re.MULTILINE)
_COUNT = re.compile(
    r"\b([0-9]{1,3})\s{1,3}(?:[a-z-]{1,20}\s{1,3}){0,3}"
    r"(?:sub-?topics?|topics?|children|names|concepts|areas|branches|items|entries)\b|"
    r"^[ \t>*#_-]{0,12}(?:number|count|how many|wanted)[*_]{0,3}[ \t]{0,8}[:=][ \t]{0,8}([0-9]{1,3})\b",
    re.IGNORECASE | re.MULTILINE,
)
_AROUND = " \t\r*_"
_BETWEEN = re.compile(r"\s+(?:/|>|»|→)\s+")


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
    outside, quoted, position, unclosed = list[str](), list[str](), 0, set[str]()
    while "[begin " in prompt and (opening := _BEGIN.search(prompt, position)) is not None:
        closing = f"\n[end {opening[1]}]"
        end = -1 if closing in unclosed else prompt.find(closing, opening.end() - 1)
        if end < 0:
            unclosed.add(closing)
            outside.append(prompt[position : opening.end()])
            position = opening.end()
            continue
        before, said = prompt[position : opening.start()], prompt[opening.end() : max(opening.end(), end)]
        if _LABEL_ABOVE.search(before):
            outside.append(f"{before.rstrip()} {' '.join(said.split())}")
        else:
            outside.append(before)
            quoted.append(said.removesuffix("\r"))
        position = end + len(closing)
    return Parts("".join((*outside, prompt[position:])), tuple(quoted))


def topic_of(parts: Parts) -> str:
    """The path of the topic, its parts joined by ` / `; empty where none is named."""
    found = _TOPIC.findall(parts.outside)
    path = _BETWEEN.split(found[-1].strip(_AROUND)[:1000]) if found else []
    return " / ".join(part for part in path if part)


def answer_held_right(parts: Parts) -> str | None:
    """The answer that the prompt calls the reference, the stated or the given one; None where it names none."""
    found = _REFERENCE.findall(parts.outside) or _ANSWER.findall(parts.outside)
    return found[-1].strip(_AROUND) if found else None


def number_wanted(parts: Parts) -> int | None:
    """How many things the prompt asks for, in [1, 200]; None where it does not say."""
    match = _COUNT.search(parts.outside)
    return min(max(int(match[1] or match[2]), 1), 200) if match else None
