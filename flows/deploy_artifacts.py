"""What a run leaves in Prefect: its progress, the yield of each stage and the way to its report.

Artifacts are for looking at: none of them is needed to go on, so a server that refuses one ends no run.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.exceptions import PrefectHTTPStatusError

from catena.storage import Store


class ProgressArtifact:
    """How much of a run is done, in percent of its stages; written once a stage, whatever the number of shards."""

    def __init__(self, name: str, stages: int) -> None:
        self._name = name
        self._stages = max(stages, 1)
        self._id: UUID | None = None

    def reached(self, done: int, stage: str) -> None:
        """`done` stages are finished, the last of them `stage`."""
        share = round(100 * min(done, self._stages) / self._stages, 1)
        said = f"{self._name}: {done} of {self._stages} stages, {stage} finished"
        _quietly(lambda: self._write(share, said))

    def _write(self, share: float, said: str) -> None:
        if self._id is None:
            created: Any = create_progress_artifact(progress=share, key=key(self._name, "progress"), description=said)
            self._id = created
        else:
            update_progress_artifact(artifact_id=self._id, progress=share, description=said)


def link_results(name: str, store: Store, report: dict[str, Any]) -> None:
    """The yield of each stage as a table, and where report, card and data of the run lie."""
    table = [{column: str(value) for column, value in line.items()} for line in report["stages"]]
    _quietly(
        lambda: create_table_artifact(key=key(name, "yield"), table=table, description=f"Yield per stage of {name}")
    )
    places = {"report": "report.html", "figures": "report.json", "manifest": "data/manifest.json"}
    lines = [f"- {said}: {_link(store, path)}" for said, path in places.items()]
    text = "\n".join([f"# {name}", "", *lines, f"- run folder: `{store.url}`"])
    _quietly(
        lambda: create_markdown_artifact(key=key(name, "results"), markdown=text, description=f"Results of {name}")
    )


def key(name: str, what: str) -> str:
    """An artifact's key, in the letters that Prefect allows, so that later runs are versions of the same artifact."""
    return f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}-{what}"


def _link(store: Store, path: str) -> str:
    place = store.full(path)
    url = f"file://{place}" if store.local is not None else place
    return f"[{url}]({url})"


def _quietly(write: Callable[[], Any]) -> None:
    with suppress(httpx.HTTPError, PrefectHTTPStatusError):
        write()
