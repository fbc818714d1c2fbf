"""The reference that every written problem carries: `(worksheet 3f9a2c71b04d2e)`, from which all of it can be made again.

Forty bits choose form, numbers and words; nine more, masked so that no reader sees them, say what was planted and which
form it is; seven check the rest. No table is kept: another process with another seed reads them alike.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

PlantedKind = Literal["right", "wrong", "ambiguous", "off_topic", "duplicate", "leaked"]
PLANTED_KINDS: tuple[PlantedKind, ...] = get_args(PlantedKind)

_REFERENCE = re.compile(r"worksheet\s+([0-9a-f]{14})(?![0-9a-f])", re.IGNORECASE)
_ID_BYTES = 5


@dataclass(frozen=True, slots=True)
class Reference:
    """Which problem it is: `problem [5 bytes]`, the index of its form in [0, 64), and what was planted."""

    problem: bytes
    form: int
    planted: PlantedKind

    def __str__(self) -> str:
        hidden = self.form << 3 | PLANTED_KINDS.index(self.planted)
        return f"{self.problem.hex()}{(hidden << 7 | _check(self.problem, hidden)) ^ _mask(self.problem):04x}"


def references(text: str) -> list[Reference]:
    """All references in `text`, in order; what only looks like one is left out."""
    found = (_decoded(match[1]) for match in _REFERENCE.finditer(text))
    return [reference for reference in found if reference is not None]


def _decoded(digits: str) -> Reference | None:
    problem, tail = bytes.fromhex(digits[: 2 * _ID_BYTES]), int(digits[2 * _ID_BYTES :], 16)
    hidden, check = divmod(tail ^ _mask(problem), 128)
    kind = hidden & 7
    if check != _check(problem, hidden) or kind >= len(PLANTED_KINDS):
        return None
    return Reference(problem, hidden >> 3, PLANTED_KINDS[kind])


def _mask(problem: bytes) -> int:
    return int.from_bytes(blake2b(problem, digest_size=2, person=b"mask").digest(), "big")


def _check(problem: bytes, hidden: int) -> int:
    return blake2b(problem + hidden.to_bytes(2, "big"), digest_size=1, person=b"check").digest()[0] & 127
