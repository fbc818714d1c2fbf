"""What a finished training stage leaves beside its checkpoint, and how a caller watches it while it runs.

A stage's outcome is one JSON file, written last: where it exists, the stage is complete and is not run again
as long as its fingerprint (settings and data) is the same. Not here: what a stage does.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

from catena.errors import RunFolderError

Progress = Callable[[int, int, str], None]
"""Called as `progress(done, total, what)` after every unit of work."""

OUTCOME_NAME = "outcome.json"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One logged step of training; only what the stage measures is given.

    `reward`, `frac_reward_zero_std` in [0, 1]; `success` maps a horizon to the share of its rollouts that
    were correct since the point before; `tokens` counts prompt and completion tokens since the stage began.
    """

    step: int
    tokens: int
    loss: float | None = None
    reward: float | None = None
    frac_reward_zero_std: float | None = None
    success: Mapping[str, float] = field(default_factory=dict)
    stage: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage did. `counts` are whole numbers to be reported (rows kept and dropped, verdicts, tokens)."""

    stage: str
    fingerprint: str
    steps: int
    tokens: int
    wall_s: float
    counts: Mapping[str, int]
    curve: tuple[CurvePoint, ...]
    settings: Mapping[str, Any]


def silent(done: int, total: int, what: str) -> None:
    """The progress callback for a caller who does not watch."""


def fingerprint(*parts: object) -> str:
    """A 32-digit id of settings and data: the same parts give the same id on every machine."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def as_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` as it comes back from JSON: lists for tuples, text for keys."""
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


def write_json(path: Path, content: object) -> None:
    """Makes `content` the whole of `path`: first under another name, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Marks the stage in `folder` as complete."""
    write_json(folder / OUTCOME_NAME, asdict(outcome))


def read_outcome(folder: Path, expected: str | None = None) -> Outcome | None:
    """The outcome of the stage in `folder`; None where it is not complete.

    Args:
        folder: The stage's own folder.
        expected: The fingerprint that the stage would have now; an outcome with another one is refused.

    Raises:
        RunFolderError: The file is damaged, or belongs to other settings or data.
    """
    path = folder / OUTCOME_NAME
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["curve"] = tuple(CurvePoint(**point) for point in content["curve"])
        outcome = Outcome(**content)
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{path}: not an outcome file ({error}); delete {folder} and train again") from error
    if expected is not None and outcome.fingerprint != expected:
        raise RunFolderError(
            f"{folder}: was trained with other settings or data (fingerprint {outcome.fingerprint[:8]}, now"
            f" {expected[:8]}); choose another folder or delete this one"
        )
    return outcome


def replace_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Makes what `fill` writes into an empty folder the whole of `target`; a kill leaves the old or the new one.

    A reader that finds `target` missing takes `<target>.old`, which `recover_folder` puts back.
    """
    temporary, old = target.with_name(f"{target.name}.tmp"), target.with_name(f"{target.name}.old")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    fill(temporary)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(target, old)
    os.replace(temporary, target)
    shutil.rmtree(old, ignore_errors=True)


def recover_folder(target: Path) -> bool:
    """Finishes a `replace_folder` that was killed; whether there is a whole `target` now."""
    old = target.with_name(f"{target.name}.old")
    if not target.exists() and old.exists():
        os.replace(old, target)
    return target.exists()
