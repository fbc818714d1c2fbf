"""What the licence of a teacher model says about training on its outputs, from a table; not legal advice."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from catena.validators.audit_findings import WHOLE, Finding, Severity, shown

_SEVERITY: dict[str, Severity] = {"yes": "note", "conditions": "warning", "no": "severe", "unknown": "warning"}


@dataclass(frozen=True, slots=True)
class Licence:
    """Licence or terms of a family of models; `training` on outputs is "yes", "conditions", "no" or "unknown"."""

    licence: str
    training: str
    note: str = ""


@cache
def _families() -> tuple[tuple[re.Pattern[str], Licence], ...]:
    document = tomllib.loads((Path(__file__).parent / "licences.toml").read_text(encoding="utf-8"))
    return tuple(
        (re.compile(one["pattern"]), Licence(one["licence"], one["training"], one.get("note", "")))
        for one in document["family"]
    )


def licence_of(model: str) -> Licence:
    """The licence of a model by its name; "unknown" is said where the table does not know the family."""
    name = model.casefold().replace("_", "-").replace(" ", "-")
    return next((known for pattern, known in _families() if pattern.search(name)), Licence("unknown", "unknown"))


def teacher_licences(models: Mapping[str, int]) -> Iterator[Finding]:
    """One finding per teacher: its licence, and how many rows it wrote; `models` holds the rows of each, "" being none."""
    for model, number in sorted((model, number) for model, number in models.items() if model):
        known = licence_of(model)
        told = f"{shown(model, 60)} ({number} rows): {known.licence}; training on outputs: {known.training}"
        yield Finding(
            "teacher licence",
            _SEVERITY[known.training],
            WHOLE,
            shown(f"{told}; {known.note}" if known.note else told, 240),
        )
