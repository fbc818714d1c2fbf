"""What an audit finds: a fixed vocabulary of kinds and severities, with evidence that is safe to print."""

from dataclasses import dataclass
from typing import Literal, get_args

from catena.invisible import spelled_out

AuditKind = Literal[
    "hidden text",
    "mixed alphabets",
    "prompt injection",
    "trigger",
    "contradiction",
    "answer not reached",
    "ignores the problem",
    "concentration",
    "secret",
    "personal data",
    "teacher licence",
]
AUDIT_KINDS: tuple[AuditKind, ...] = get_args(AuditKind)
Severity = Literal["severe", "warning", "note"]
"""`severe`: not to be published as it is; `warning`: to be looked at; `note`: to be known."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
WHOLE = ""
"""Row of a finding about the data set as a whole."""
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `row` is the id of its row, `WHOLE` for the data set.

    `evidence` is one short line of printable ASCII; secrets and personal data in it are masked.
    """

    kind: AuditKind
    severity: Severity
    row: str
    evidence: str


def shown(text: str, most: int = _SHOWN) -> str:
    """`text` on one short line, everything that is not ASCII or cannot be seen escaped."""
    line = " ".join(spelled_out(text[: 2 * most]).split()).encode("ascii", "backslashreplace").decode()
    return line if len(line) <= most else f"{line[: most - 3]}..."


def masked(text: str) -> str:
    """The first three characters of something that must not be printed, and its length."""
    return f"{shown(text[:3])}*** ({len(text)} characters)"
