"""Fixtures that several files share."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest

for name, value in {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "TOKENIZERS_PARALLELISM": "false",
}.items():
    os.environ.setdefault(name, value)

with suppress(ModuleNotFoundError):
    # absl (through mlcroissant) takes what is stderr as it is imported, a file of pytest's, and closes it as soon as
    # somebody sets logging up anew, as Prefect does at every flow: all tests after that would fail.
    import absl.logging

    absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__

from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import compose_problem
from catena.generators.sources import prepare
from catena.records import Problem
from catena.seeds import stream_for


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[None]:
    """One Prefect server for the runs of a file."""
    from prefect.settings import PREFECT_API_URL

    from catena.flows.server import api

    with pytest.MonkeyPatch.context() as patch, api():
        patch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
        yield


@pytest.fixture(scope="session")
def pools() -> Pools:
    """All families, as the flow pools them."""
    prepared = [prepare(family) for family in families().values()]
    parents = [one for one in prepared if one.can_be_parent]
    return Pools(parents, [one for one in prepared if one.links], value_preserving=0.3, largest=1e9)


@pytest.fixture(scope="session")
def compact_pools() -> Pools:
    """The families with a symbolic form."""
    prepared = [prepare(family) for family in families().values() if family.compact is not None]
    return Pools(prepared, prepared, value_preserving=0.0, largest=1e9, plain=True)


@pytest.fixture(scope="session")
def problems(pools: Pools) -> list[Problem]:
    """A few hundred composed problems of horizons 1 to 8."""
    draws = [compose_problem(pools, 1 + index % 8, stream_for(11, "tests", index)) for index in range(320)]
    return [draw.problem for draw in draws if draw.problem is not None]


@pytest.fixture
def rng() -> Random:
    return Random(20_261_121)
