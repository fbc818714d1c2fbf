"""The model card of a trained model: what it was made from, how, and what came of it, beside its weights.

It names no place on the machine: a model given by its folder is called by the folder's name.
"""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from catena.trainers.dataset import Example
from catena.trainers.outcome import CurvePoint, Outcome

_PACKAGES = ("catena", "torch", "transformers", "trl", "accelerate", "peft", "datasets")
CARD = "README.md"


def describe(
    folder: Path, stage: str, model: str | Path, outcome: Outcome, examples: Iterable[Example], command: str
) -> None:
    """Writes the card of the stage in `folder` into its `model/`; the same outcome gives the same card.

    Args:
        folder: The stage's own.
        stage: `SFT`, `RL`, ...
        model: What the whole training began from: a name, folder or hub id.
        outcome: Of the stage.
        examples: What it was trained on.
        command: That trained it, without paths.
    """
    text = card_text(stage, model, outcome, data_hash(examples), command)
    target = folder / "model" / CARD
    temporary = target.with_name(f".{CARD}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, target)


def card_text(stage: str, model: str | Path, outcome: Outcome, data: str, command: str) -> str:
    """The card as Markdown with the front matter that model hubs read."""
    base = str(model)
    on_hub = base.count("/") == 1 and not base.startswith((".", "/")) and not Path(base).exists()
    name = base if on_hub else Path(base).name
    front = ["library_name: transformers", *([f"base_model: {name}"] if on_hub else []), "tags:", "- catena", "- trl"]
    counts = "\n".join(f"| {label.replace('_', ' ')} | {count:,} |" for label, count in sorted(outcome.counts.items()))
    settings = json.dumps(outcome.settings, indent=2, sort_keys=True)
    return (
        "\n".join(["---", *front, "---", ""])
        + f"\n# {name}, {stage}\n\nTrained by Catena with `{command}`.\n\n| | |\n|---|---|\n"
        + f"| steps | {outcome.steps:,} |\n| tokens, prompts and completions | {outcome.tokens:,} |\n"
        + f"| data (blake2b of the rows in order) | `{data}` |\n| fingerprint of settings and data | `{outcome.fingerprint}` |\n"
        + f"{counts}\n\n{_curve(outcome.curve)}\n\n"
        + f"Versions: {_versions()}.\n\n## Settings\n\n```json\n{settings}\n```\n"
    )


def data_hash(examples: Iterable[Example]) -> str:
    """The blake2b of ids, prompts and completions in order."""
    found = blake2b(digest_size=16)
    for one in examples:
        found.update(json.dumps([one.problem_id, one.prompt, one.completion]).encode())
    return found.hexdigest()


def _curve(curve: Sequence[CurvePoint]) -> str:
    said = []
    for name in ("loss", "reward"):
        values = [value for point in curve if (value := getattr(point, name)) is not None]
        if values:
            tenth = max(1, len(values) // 10)
            first, last = (sum(part) / len(part) for part in (values[:tenth], values[-tenth:]))
            said.append(
                f"{name} {first:.3f} at first, {last:.3f} in the end (means of {tenth} of {len(values)} points)"
            )
    return f"Curve: {'; '.join(said)}." if said else "No curve was logged."


def _versions() -> str:
    found = [f"python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
