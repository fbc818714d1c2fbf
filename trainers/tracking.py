"""Where the figures of a training go while it runs: always into a JSONL file, and into one tracker if asked for.

    {"step": 12, "stage": "rl", "reward": 0.41, "loss": 0.02, "verdict/unparsed": 0.01, ...}

A stage that goes on after a kill first forgets the lines beyond the step that it goes on from, so that no step stands twice.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from catena.errors import RecipeError

Service = Literal["none", "trackio", "tensorboard", "wandb"]
SERVICES: tuple[Service, ...] = get_args(Service)
METRICS_NAME = "metrics.jsonl"


class Tracker(Protocol):
    """Takes the figures of one step."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keeps finite figures of optimiser step `step`, which goes on over the rounds of RL."""
        ...

    def close(self) -> None:
        """No more figures come."""
        ...


class JsonlTracker:
    """One line per step in `metrics.jsonl` of a stage's folder."""

    def __init__(self, folder: Path, stage: str, *, after: int = 0) -> None:
        """Appends to the file, without the lines of steps beyond `after`."""
        self._path, self._stage = folder / METRICS_NAME, stage
        kept = [line for line in read_metrics(folder) if line["step"] <= after]
        folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        os.replace(temporary, self._path)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Adds a line."""
        line = {"step": step, "stage": self._stage, **_finite(metrics)}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Nothing: every line was whole."""


class ServiceTracker:
    """The same figures for trackio, TensorBoard or W&B, each configured by its own environment variables."""

    def __init__(self, service: Service, folder: Path, stage: str, *, project: str) -> None:
        """Opens a run of `project` called like the folder and stage.

        Raises:
            RecipeError: The service's package is not installed.
        """
        name = f"{folder.parent.name}-{stage}"
        try:
            if service == "tensorboard":
                from torch.utils.tensorboard import SummaryWriter

                self._writer: Any = SummaryWriter(str(folder / "tensorboard"))
            elif service == "trackio":
                import trackio  # pyright: ignore[reportMissingImports]

                self._writer = trackio.init(project=project, name=name, resume="allow", embed=False)
            else:
                import wandb  # pyright: ignore[reportMissingImports]

                self._writer = wandb.init(project=project, name=name, id=name, resume="allow")
        except ImportError as error:
            raise RecipeError(f"tracking with {service} needs its package: pip install {service}") from error
        self._service, self._stage = service, stage

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Sends the figures under `<stage>/<name>`."""
        named = {f"{self._stage}/{name}": value for name, value in _finite(metrics).items()}
        if self._service == "tensorboard":
            for name, value in named.items():
                self._writer.add_scalar(name, value, step)
        else:
            self._writer.log(named, step=step)

    def close(self) -> None:
        """Waits until everything is written."""
        self._writer.close() if self._service == "tensorboard" else self._writer.finish()


class Trackers:
    """Several trackers as one."""

    def __init__(self, *trackers: Tracker) -> None:
        self._trackers = trackers

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Tells all."""
        for tracker in self._trackers:
            tracker.log(step, metrics)

    def close(self) -> None:
        """Closes all."""
        for tracker in self._trackers:
            tracker.close()


def open_trackers(service: Service, folder: Path, stage: str, *, after: int = 0, project: str = "catena") -> Trackers:
    """The trackers of a stage: the JSONL file, and the named service.

    Raises:
        RecipeError: There is no such service, or its package is not installed.
    """
    if service not in SERVICES:
        raise RecipeError(f"no tracking with {service!r}; known: {', '.join(SERVICES)}")
    lines = JsonlTracker(folder, stage, after=after)
    if service == "none":
        return Trackers(lines)
    return Trackers(lines, ServiceTracker(service, folder, stage, project=project))


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a stage's `metrics.jsonl` in order; a last line that a kill cut short is left out."""
    try:
        lines = (folder / METRICS_NAME).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[:-1]]


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
