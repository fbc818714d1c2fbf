"""The `[runner]` table of a recipe: who does the shards that ask no model."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from catena.flows.recipe_base import Section

RunnerKind = Literal["processes", "threads", "ray", "dask"]
PATIENCE_S = 300.0


class RunnerSection(Section):
    """Who does the shards that ask no model; changes no row, so it is part of no identity.

    Attributes:
        kind: Processes or threads of this machine, or a Ray or Dask cluster.
        address: The cluster's, `auto` for the Ray cluster that this machine belongs to; without it one is started on this
            machine for the time of the run.
        workers: How many of them; 0 takes `workers` of the recipe. Where `address` is given, the cluster has its own number.
        in_flight: Shards handed in at once; the others are no Prefect tasks yet.
        restarts: How often a shard is begun anew when the worker that did it is gone.
        patience_s: Seconds without the end of any shard after which the oldest ones of a cluster are handed in a second time;
            longer where shards were seen to take longer.
    """

    kind: RunnerKind = "processes"
    address: str | None = None
    workers: Annotated[int, Field(ge=0, le=1024)] = 0
    in_flight: Annotated[int, Field(ge=1, le=100_000)] = 1024
    restarts: Annotated[int, Field(ge=0, le=100)] = 5
    patience_s: Annotated[float, Field(ge=1)] = PATIENCE_S

    @model_validator(mode="after")
    def _reachable(self) -> "RunnerSection":
        if self.address is not None and self.kind in ("processes", "threads"):
            raise ValueError(f"runner: {self.kind} have no address; leave it away, or set kind to ray or dask")
        if self.kind == "dask" and self.address is not None and not urlsplit(self.address).hostname:
            raise ValueError(
                f"runner: {self.address!r} is no address of a Dask scheduler; write it like tcp://host:8786"
            )
        return self
