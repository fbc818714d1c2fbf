"""The one pass-rate store: how often each model solved each problem, or the problems of each source.

Panels, compositions of a difficulty band, curricula and evaluation write to it and read from it. It is a folder
`pass-rates/` of immutable Parquet segments inside a run folder or any fsspec URL. A key is a `problem_id`, or the name of
an atom or source family (`sources` of a published row, `Node.source`); the column `kind` says which. Undecided attempts
are not in it: they are neither right nor wrong. Not here: IRT difficulty (`catena.validators.difficulty`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from catena.errors import ShardError
from catena.parquet import read_table
from catena.records import content_id
from catena.storage import Store

FOLDER = "pass-rates"
Kind = Literal["problem", "source"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SCHEMA = pa.schema(
    [
        pa.field(name, pa.int64() if name in ("accepted", "decided") else pa.string(), nullable=False)
        for name in ("kind", "key", "model", "accepted", "decided", "source")
    ],
    metadata={b"catena_pass_rates": b"1"},
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts that were accepted and attempts that were decided, accepted or not.

    Raises:
        ValueError: Not 0 <= accepted <= decided.
    """

    accepted: int = 0
    decided: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.accepted <= self.decided:
            raise ValueError(
                f"accepted must be in [0, decided] (undecided attempts count in neither), got {self.accepted} of {self.decided}"
            )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.accepted + other.accepted, self.decided + other.decided)

    @property
    def rate(self) -> float | None:
        """The pass rate in [0, 1]; None where nothing is decided."""
        return self.accepted / self.decided if self.decided else None

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wilson's score interval of the pass rate; (0, 1) where nothing is decided.

        Raises:
            ValueError: `confidence` is not in (0, 1).
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be in (0, 1), got {confidence}")
        if not self.decided:
            return 0.0, 1.0
        z, n = NormalDist().inv_cdf((1 + confidence) / 2), self.decided
        share = self.accepted / n
        centre, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        low, high = (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
        return (0.0 if self.accepted == 0 else low), (1.0 if self.accepted == n else high)


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of one model on one key."""

    key: str
    model: str
    tally: Tally
    kind: Kind = "problem"


@dataclass(frozen=True)
class PassRates(Mapping[tuple[str, str], Tally]):
    """All tallies by (key, model); a problem id never equals the name of a source, so both live in one mapping.

    Attributes:
        tallies: The sums over everything observed.
        kinds: What each key is.
    """

    tallies: Mapping[tuple[str, str], Tally]
    kinds: Mapping[str, Kind]

    def __getitem__(self, pair: tuple[str, str]) -> Tally:
        return self.tallies[pair]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.tallies)

    def __len__(self) -> int:
        return len(self.tallies)

    def tally(self, key: str, model: str) -> Tally:
        """What was observed; a tally of nothing where nothing was."""
        return self.tallies.get((key, model), Tally())

    def rate(self, key: str, model: str) -> float | None:
        """The pass rate in [0, 1]; None where nothing is decided."""
        return self.tally(key, model).rate

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Every model that was observed, sorted."""
        return tuple(sorted({model for _, model in self.tallies}))

    def keys_of(self, kind: Kind) -> tuple[str, ...]:
        """Every key of a kind, sorted."""
        return tuple(sorted(key for key, own in self.kinds.items() if own == kind))

    def merged(self, other: "PassRates") -> "PassRates":
        """The sums of two stores; what both hold counts twice, so merge only stores of different observations."""
        return pass_rates_of(one for rates in (self, other) for one in rates.observed())

    def observed(self) -> Iterator[Observed]:
        """The tallies as entries that `add_pass_rates` takes."""
        for (key, model), tally in self.tallies.items():
            yield Observed(key, model, tally, self.kinds[key])


def pass_rates_of(entries: Iterable[Observed]) -> PassRates:
    """The sums of `entries`."""
    tallies: dict[tuple[str, str], Tally] = {}
    kinds: dict[str, Kind] = {}
    for one in entries:
        pair = one.key, one.model
        tallies[pair] = tallies[pair] + one.tally if pair in tallies else one.tally
        kinds[one.key] = one.kind
    return PassRates(tallies, kinds)


def read_pass_rates(store: Store | str | Path) -> PassRates:
    """Everything observed in a run folder or URL; empty where no `pass-rates/` is.

    Raises:
        ShardError: A segment is damaged or of another version.
    """
    store = _store(store)
    names = [name for name in store.names(FOLDER) if name.endswith(".parquet") and not name.startswith(".")]
    if not names:
        return PassRates({}, {})
    table = pa.concat_tables(_segment(store, f"{FOLDER}/{name}") for name in names)
    sums = table.group_by(["kind", "key", "model"], use_threads=False).aggregate(
        [("accepted", "sum"), ("decided", "sum")]
    )
    columns = [sums.column(name).to_pylist() for name in ("kind", "key", "model", "accepted_sum", "decided_sum")]
    return pass_rates_of(
        Observed(key, model, Tally(*counts), kind) for kind, key, model, *counts in zip(*columns, strict=True)
    )


def add_pass_rates(store: Store | str | Path, entries: Iterable[Observed], *, source: str) -> str | None:
    """Adds what was observed as one segment, whole or not at all, and never changes what is there.

    The segment is named after `source` and its content: adding the same again, as a rerun after a kill does, counts once.

    Args:
        store: A run folder or URL.
        entries: Any order; those of one key, kind and model are summed, empty tallies are left out.
        source: What was observed, e.g. `rollouts of round 3`; two observations with equal counts need two sources.

    Returns:
        The segment's path in the store; None where `entries` holds no decided attempt.

    Raises:
        RunFolderError: The folder cannot be written.
        ValueError: A kind is not one of `KINDS`, a key or model is empty.
    """
    rows = [(*name, *astuple(tally), source) for name, tally in sorted(_summed(entries).items())]
    if not rows:
        return None
    path = f"{FOLDER}/{_prefix(source)}{content_id(*(repr(row) for row in rows))}.parquet"
    store = _store(store)
    if not store.exists(path):
        table = pa.table([list(column) for column in zip(*rows, strict=True)], schema=SCHEMA)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        store.write(path, sink.getvalue().to_pybytes())
    return path


def replace_pass_rates(store: Store | str | Path, entries: Iterable[Observed], *, source: str) -> str | None:
    """As `add_pass_rates`, and afterwards nothing else that `source` has added is left.

    For what is observed anew as a whole, as a run's published rows are. A kill in between leaves old and new; the same call
    again mends it.
    """
    store = _store(store)
    path = add_pass_rates(store, entries, source=source)
    for name in store.names(FOLDER):
        if name.startswith(_prefix(source)) and f"{FOLDER}/{name}" != path:
            store.remove(f"{FOLDER}/{name}")
    return path


def _summed(entries: Iterable[Observed]) -> dict[tuple[str, str, str], Tally]:
    sums: dict[tuple[str, str, str], Tally] = {}
    for one in entries:
        if one.kind not in KINDS or not one.key or not one.model:
            raise ValueError(f"an entry needs a key, a model and a kind of {', '.join(KINDS)}, got {one}")
        if one.tally.decided:
            name = one.kind, one.key, one.model
            sums[name] = sums.get(name, Tally()) + one.tally
    return sums


def _prefix(source: str) -> str:
    return f"{content_id(source)[:12]}-"


def _store(store: Store | str | Path) -> Store:
    return store if isinstance(store, Store) else Store(str(store))


def _segment(store: Store, path: str) -> pa.Table:
    try:
        table = read_table(pa.BufferReader(store.read(path)))
    except (pa.ArrowException, OSError) as error:
        raise ShardError(
            f"{store.full(path)}: not a whole segment of pass rates ({error}); delete it and make it again"
        ) from error
    if table.schema.metadata != SCHEMA.metadata or table.schema.names != SCHEMA.names:
        raise ShardError(
            f"{store.full(path)}: not a segment of pass rates that this build reads; move it out of {FOLDER}/"
        )
    return table
