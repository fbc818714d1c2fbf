"""From a model's text to the text of its final answer: which marker counts, and what is wrapped around it.

Linear in the text and free of sympy. Not here: what the answer text means (`catena.answer_values`).
"""

import re
from typing import Literal

Rule = Literal["answer-tag", "boxed", "answer-line", "bare", "none"]

TAIL_CHARS = 20_000
"""Only the end of a text is searched for a marker, so a reply of any length costs the same."""
BARE_CHARS = 400

_OPENING_TAGS = ("<answer>", "<Answer>", "<ANSWER>")
_CLOSING_TAG = re.compile(r"</answer\s{0,3}>", re.IGNORECASE)
_ANSWER_WORDS = r"(?:(?:so|thus|therefore|hence)\b,?\s{0,3})?(?:(?:my|our|the)\s{1,3})?(?:(?:final|correct|overall)\s{1,3})?answer\b"
_LINE = re.compile(
    rf"(?P<head>[\s>*_#-]{{0,12}}){_ANSWER_WORDS}[\s*_]{{0,6}}(?P<mark>[:=]|is\b(?!n't):?)?[\s*_]{{0,6}}", re.IGNORECASE
)
_SENTENCE = re.compile(
    r"(?:^|[.!?;,]\s{1,3}|\b(?:so|thus|therefore|hence|that),?\s{1,3})"
    r"the\s{1,3}(?:(?:final|correct)\s{1,3})?answer\s{1,3}is\b:?\s{0,3}",
    re.IGNORECASE,
)
_HASHES = re.compile(r"\s{0,8}####(?!#)\s{0,8}")
_BOX = re.compile(r"\\f?boxed\s{0,3}\{")


def extract(text: str) -> tuple[str | None, Rule]:
    """The text of the final answer and the rule that found it.

    The first of these that is present decides, its last occurrence wins, and an unclosed one yields None:
    `<answer>...</answer>`, `\\boxed{...}`, a line "Answer: ...", "The answer is ..." or "#### ...".
    A short single line without any marker is returned whole under rule `bare`; the caller must check that
    it is nothing but an answer. A number somewhere in a paragraph is never taken.
    """
    tail = text if len(text) <= TAIL_CHARS else text[-TAIL_CHARS:]
    start = max(map(tail.rfind, _OPENING_TAGS)) if "nswer>" in tail or "NSWER>" in tail else -1
    if start >= 0:
        start += len("<answer>")
        closing = _CLOSING_TAG.search(tail, start)
        return (tail[start : closing.start()].strip() or None if closing else None), "answer-tag"
    if "boxed" in tail and (box := _last_box(tail)) is not None:
        return box.strip() or None, "boxed"
    if (line := _last_answer_line(tail)) is not None:
        return _without_stray_bold(line) or None, "answer-line"
    whole = text.strip() if len(text) <= TAIL_CHARS else ""
    if whole and len(whole) <= BARE_CHARS and "\n" not in whole:
        return whole, "bare"
    return None, "none"


def _last_box(text: str) -> str | None:
    """The content of the last box, "" when its brace is never closed, None without a box."""
    matches = list(_BOX.finditer(text))
    return None if not matches else balanced(text, matches[-1].end()) or ""


def balanced(text: str, start: int) -> str | None:
    """`text[start:]` up to the brace that closes the one just before `start`; None when there is none."""
    depth, position = 1, start
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return text[start:position]
        position += 1
    return None


def _last_answer_line(text: str) -> str | None:
    lowered = text.lower()
    if "answer" not in lowered and "####" not in lowered:
        return None
    lines = text.splitlines()
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if (found := _line_answer(line)) is None:
            continue
        if found:
            return found
        following = next((later for later in lines[number + 1 :] if later.strip(" *_\t")), "")
        return following
    return None


def _line_answer(line: str) -> str | None:
    """What follows the marker of one line, "" when it stands on the next line, None without a marker."""
    hashes = _HASHES.match(line)
    if hashes and (rest := line[hashes.end() :].strip()) and len(rest) <= 80 and not rest.endswith(":"):
        inner = _LINE.match(rest)
        return rest[inner.end() :] if inner else rest
    if "answer" not in line.lower():
        return None
    match = _LINE.match(line)
    if match and match["mark"]:
        return line[match.end() :].strip()
    if match and not line[match.end() :].strip(" *_\t") and any(char in match["head"] for char in "#*"):
        return ""
    matches = list(_SENTENCE.finditer(line))
    return None if not matches else line[matches[-1].end() :]


def _without_stray_bold(line: str) -> str:
    """`5**` -> `5`: what is left when bold began before the marker."""
    line = line.strip().removesuffix(".")
    return line.removesuffix("**").strip() if line.count("**") % 2 else line


_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
_SUPERSCRIPT_RUN = re.compile(f"[{_SUPERSCRIPTS}]+")
_TO_PLAIN_DIGITS = str.maketrans(_SUPERSCRIPTS, "0123456789-+")
_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("−‐‑‒–—﹣－", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\ufeff", ""),
        **{chr(0xFF01 + offset): chr(0x21 + offset) for offset in range(94) if offset != 12},
        **{vulgar: f" {plain} " for vulgar, plain in _VULGAR.items()},
        "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "÷": "/", "⁄": "/", "∕": "/", "∗": "*", "±": r"\pm ",
        "π": r"\pi ", "∞": r"\infty ", "√": r"\sqrt ", "∪": r"\cup ", "∅": r"\emptyset ", "≤": r"\le ", "≥": r"\ge ",
        "≈": r"\approx ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "λ": r"\lambda ", "ℝ": r"\mathbb{R}",
        "’": "'", "‘": "'", "“": '"', "”": '"', "μ": "µ", "∘": r"\circ ", "º": "°", "℃": "°C",
    }
)  # fmt: skip

_NOISE = re.compile(r"\\(?:left|right|displaystyle|textstyle|bigl?|bigr|Bigl?|Bigr|limits)(?![a-zA-Z])")
_SPACES = re.compile(r"(?<!\\)\\(?:[,;: ]|quad(?![a-zA-Z])|qquad(?![a-zA-Z]))|~")
_TEXT_COMMAND = re.compile(
    r"\\(?:text|mathrm|textbf|mathbf|textit|mathit|textrm|mbox|operatorname|rm)\s*\{([^{}\\]*)\}"
)
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_DEGREE = re.compile(r"\s*(?:\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])|°)\s*(?:([CF])\b)?")
_LEADING_PHRASE = re.compile(rf"{_ANSWER_WORDS}\s*(?:is\b(?!n't)\s*:?|[:=])\s*", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"(?:\\?[A-Za-z]{1,8}|[a-zA-Z]_\{?[a-zA-Z0-9]{1,3}\}?|[a-zA-Z]\([a-zA-Z]\))\s*=(?!=)\s*")
_MEMBER = re.compile(r"[a-zA-Z]\s*\\in(?![a-zA-Z])\s*")
_APPROXIMATELY = re.compile(r"(?:=|\\approx(?![a-zA-Z])|\\simeq(?![a-zA-Z]))\s*")
_DOLLAR = "\ue000"


def clean(content: str) -> str:
    """An answer text without delimiters, typography and layout commands; the same function reads gold values."""
    text = content.strip()
    for _ in range(4):
        before = text
        if "boxed" in text and (box := _last_box(text)):
            text = box.strip()
        text = _strip_pairs(text)
        text = _LEADING_PHRASE.sub("", text, count=1) if _LEADING_PHRASE.match(text) else text
        if text == before:
            break
    if not text.isascii():
        text = _SUPERSCRIPT_RUN.sub(lambda run: "^{" + run[0].translate(_TO_PLAIN_DIGITS) + "}", text)
        text = text.translate(_PLAIN)
    if "$" in text:
        text = text.replace(r"\$", _DOLLAR)
        text = text.replace("$", "") if text.count("$") % 2 == 0 else text
        text = text.replace(_DOLLAR, "$")
    if "\\" in text or "~" in text or "{,}" in text:
        text = _strip_latex(text)
    if "°" in text or "\\circ" in text:
        text = _DEGREE.sub(lambda match: f" deg{match[1]} " if match[1] else " degree ", text)
    return _strip_pairs(text)


def _strip_latex(text: str) -> str:
    text = _SPACES.sub(" ", _NOISE.sub("", text)).replace("{,}", ",").replace(r"\!", "").replace(r"\%", "%")
    text = text.replace(r"\lbrace", r"\{").replace(r"\rbrace", r"\}")
    for delimiter in (r"\(", r"\)", r"\[", r"\]"):
        text = text.replace(delimiter, " ")
    return _TEXT_COMMAND.sub(r" \1 ", _FRACTION.sub(r"\\frac", text))


def _strip_pairs(text: str) -> str:
    """Without surrounding space, one final full stop, and markdown or TeX delimiters around the whole."""
    text = text.strip()
    if text.endswith(".") and len(text) > 1:
        text = text[:-1].rstrip()
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`")):
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing):
            inner = text[len(opening) : -len(closing)]
            if opening not in inner:
                text = inner.strip()
    return text


def strip_assignment(text: str) -> str:
    """`x = 5` -> `5`, `\\approx 5` -> `5`: the name on the left says what was asked, not what the answer is."""
    for pattern in (_ASSIGNMENT, _MEMBER, _APPROXIMATELY):
        if (match := pattern.match(text)) and "=" not in text[match.end() :]:
            text = text[match.end() :].strip()
    return text
