"""Units and unit labels as text: which words may follow a number, and when two labels are the same.

In-process and without pint. Not here: conversion between physical units (`catena.answer_symbolic`).
"""

import re

MAX_LABEL_CHARS = 40

_TERM = r"[A-Za-zµΩÅ$€£][A-Za-zµΩÅ'-]*(?:\^?-?[0-9]{1,2}(?![0-9]))?"
_LABEL = re.compile(rf"\(?{_TERM}\)?(?:[ */()]+{_TERM}\)?)*")
_TAIL_OF_LABEL = re.compile(r"\s+(?:left|remaining|total|in total|altogether|each|in all|of|per person)\b.*")
_SPACED_SIGNS = re.compile(r"\s*([*/^])\s*")
_RANGE = re.compile(r"[A-Za-z]-[0-9]")  # "5 m-6 m" is a range where no unit was asked for
_WORD = re.compile(r"[^\s*/^()0-9-]+")
_SHORT = frozenset(
    re.findall(
        r"\S+",
        "m s g N V A K J W L l h C F T H Hz km cm mm nm µm kg mg µg ms ns min hr hrs ft in yd mi lb lbs oz mL ml dL "
        "kL kN kJ kW MW kV mV mA kPa Pa Wb Gy Bq lx lm cd eV Mb MB GB TB KB kB kb Gb USD EUR st nd rd th am pm AM PM "
        "Å Ω µ kΩ MΩ px pt mph kph kmh MHz GHz kHz mol cal rad deg sec yr yrs mo wk dB pH M cc u Da sq cu $ € £ of",
    )
)
_NEVER_LABELS = frozenset(
    re.findall(
        r"\S+",
        "or and but to not no nor is isn't isnt are was wrong maybe perhaps probably possibly if unless minus plus "
        "times over mod modulo squared cubed factorial half halves third thirds quarter quarters fourths fifth fifths "
        "sixths sevenths eighths ninths tenth tenths hundredths thousandths point less more than fewer most least "
        "between about roughly base binary hex hexadecimal octal pi tau theta alpha beta gamma delta sqrt log ln sin "
        "cos tan exp oo inf infinity nan then else either otherwise negative actually instead wait zero one two three "
        "four five six seven eight nine ten eleven twelve twenty root roots remainder with divided multiplied equals "
        "because since so hence true false unknown impossible error none both any",
    )
)
_SYMBOLS = {"$": "dollar", "USD": "dollar", "usd": "dollar", "€": "euro", "EUR": "euro", "£": "pound"}
_FEET = {"feet": "foot", "inches": "inch", "people": "person", "children": "child", "men": "man", "women": "woman"}
_DEGREES = re.compile(r"\b(?:degrees?|deg\.?)\s*(celsius|fahrenheit|kelvin|[CFK])\b", re.IGNORECASE)


def clean_label(rest: str) -> str | None:
    """The unit or counting word written after a number, or None when the rest is anything else.

    `5 or 6` has no label: a word of doubt, of arithmetic or of number makes the whole text no number.
    """
    label = rest.replace(r"\cdot", "*").replace(r"\times", "*").replace(r"\Omega", "Ω").replace(r"\mu", "µ")
    label = label.replace("**", "^").replace("{", "").replace("}", "").replace("Ω ", "Ω").strip()
    label = _DEGREES.sub(lambda match: f"deg{match[1][0].upper()}", label)
    label = _SPACED_SIGNS.sub(r"\1", " ".join(label.split()))
    if len(label) > MAX_LABEL_CHARS or not _LABEL.fullmatch(label):
        return None
    words = _WORD.findall(label)
    if len(words) > 5 or any(word.lower() in _NEVER_LABELS for word in words):
        return None
    return _TAIL_OF_LABEL.sub("", label)


def is_harmless(label: str) -> bool:
    """Whether a label may be ignored where the answer has no unit: real words and common units, not `x` or `ab`."""
    words = _WORD.findall(label)
    return _RANGE.search(label) is None and all(len(word) >= 3 or word in _SHORT for word in words)


def same_label(left: str, right: str) -> bool:
    """Equal units as text: `dollar` and `Dollars`, but not `mg` and `Mg`."""
    return left == right or _folded(left) == _folded(right)


def same_label_ignoring_case(left: str, right: str) -> bool:
    """Equal units when capitals are ignored (`Km` for `km`); only for labels that pint does not tell apart."""
    return _folded(left).casefold() == _folded(right).casefold()


def _folded(label: str) -> str:
    return " ".join(_folded_word(word) for word in _SYMBOLS.get(label, label).replace("*", " * ").split(" "))


def _folded_word(word: str) -> str:
    if len(word) <= 3:
        return word
    word = word.casefold()
    if word in _FEET:
        return _FEET[word]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
