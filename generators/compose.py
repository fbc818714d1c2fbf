"""Composed problems as a data set without files: row i is drawn, certified and worked out when it is asked for.

    from catena.generators.compose import Composed
    from catena.validators.certificates import certify

    rows = Composed(seed=1, certify=certify, shapes="mixed", horizons=range(2, 9))
    row = rows[123456]
    print(row.question, row.answer, row.intermediate_answers)

Row i follows from the settings and i alone: a candidate that its certificate refuses is drawn again from a stream of i's own, so
every index has one certified row, in any order and in any process. Who certifies is said in the open, since generators know
no validators. Not here: drawing one problem (`generators.composing`), files (`catena compose`), equal rows (two indices may hold
the same problem where horizons and sources are few; `catena compose` removes such rows).
"""

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate, count, islice
from operator import index as whole
from typing import Any, overload

import pyarrow as pa

from catena import __version__
from catena.errors import DatasetError
from catena.generators.certified import Certified, Certify, composed_table, resolve
from catena.generators.composing import Form, Style, compose_problem, problem_id
from catena.generators.graphs import Shape
from catena.generators.offers import Offer, Shapes, prepared_families, shape_weights, shapes_by_horizon, sources_of
from catena.generators.sources import Source, prepare
from catena.graphs import graph_text
from catena.records import Problem, Sample, Use
from catena.samples import SAMPLE, sample_table
from catena.schemas import records_of
from catena.seeds import seed_for, stream_for

__all__ = ["Certified", "Certify", "Composed", "resolve"]

LARGEST = 1e9
"""Largest magnitude of any answer, as certificates demand it."""
NO_GRAPH, NO_END = "no fitting graph", "no source with a quantity that can be fed"
_SAME_FORM, _FORMS = 32, 8
_BATCH = 64


@dataclass(frozen=True)
class Composed:
    """A map-style data set of certified composed problems: `rows[i]`, slices, iteration; picklable.

    Attributes:
        seed: The only source of randomness.
        certify: Who grants certificates.
        shapes: `mixed` (every shape alike), a comma list with weights (`dag=3,loop`), or weights by shape.
        horizons: Nodes on the longest dependency path, each as likely as the others, in [1, 64].
        length: Number of rows; None: unbounded, `len` is then refused.
        size: Nodes, distractors included; None: what suits the shape.
        distractors: Nodes that no wanted answer depends on.
        intermediate: Answers wanted beside the last one.
        style: `prose`, or `compact` for tiny students.
        topics: Topic paths or beginnings of them, such as `physics` or `mathematics/algebra`; empty: every topic.
        sources: Problems with programs, such as rows of a data set; None: the families that come with Catena.
        value_preserving: Share of links that keep the child's own quantity, in [0, 1].

    Raises:
        ValueError: A setting that no row can have, in one sentence.
    """

    seed: int
    certify: Certify
    shapes: Shapes = "mixed"
    horizons: Sequence[int] = range(2, 9)
    length: int | None = None
    size: int | None = None
    distractors: int = 0
    intermediate: int = 0
    style: Style = "prose"
    topics: Sequence[str] = ()
    sources: Sequence[Source] | None = None
    value_preserving: float = 0.3

    def __post_init__(self) -> None:
        if self.length is not None and self.length < 0:
            raise ValueError(f"length must be at least 0, or None for an unbounded data set, got {self.length}")
        if not 0 <= self.value_preserving <= 1:
            raise ValueError(f"value_preserving must be a share in [0, 1], got {self.value_preserving}")
        if self.style not in ("prose", "compact"):
            raise ValueError(f"style must be 'prose' or 'compact', got {self.style!r}")
        if self.intermediate < 0 or self.distractors < 0:
            raise ValueError(f"intermediate and distractors must be at least 0, got {self.intermediate, self.distractors}")  # fmt: skip
        shapes_by_horizon(self.shapes, self.horizons, self._plain, self.style)
        sources_of(self.sources, self.topics, self.style)

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError(
                "this data set is unbounded and has no length; give Composed(length=...) where one is needed"
            )
        return self.length

    def __iter__(self) -> Iterator[Sample]:
        for batch in self._batches(None, 8):
            yield from self.__getitems__(batch)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Row `index`, or the list of a slice's rows."""
        if not isinstance(index, slice):
            return self.__getitems__([index])[0]
        if self.length is None and (index.stop is None or min(index.stop, index.start or 0) < 0):
            raise ValueError(
                f"{index} of an unbounded data set has no end; give the slice one, or the data set a length"
            )
        return self.__getitems__(range(*index.indices(index.stop if self.length is None else self.length)))

    def __getitems__(self, indices: Iterable[int]) -> list[Sample]:
        """Several rows at once, as torch's data loaders ask for them."""
        return records_of(Sample, self.table(indices))

    def dicts(self, indices: Iterable[int] | None = None) -> Iterator[dict[str, Any]]:
        """Rows as plain dicts, as they are read back from a shard: for `datasets.IterableDataset.from_generator`."""
        for batch in self._batches(indices, _BATCH):
            yield from self.table(batch).to_pylist()

    def table(self, indices: Iterable[int], use: Use = "sft") -> pa.Table:
        """The published rows of these indices, in their order (schema `catena.samples.SAMPLE`)."""
        drawn = self.draws(indices)
        return sample_table(composed_table(drawn), use, self.provenance) if drawn else SAMPLE.empty_table()

    def draw(self, index: int) -> Certified:
        """Row `index` with its evidence and what was thrown away for it.

        Raises:
            IndexError: It lies outside of the data set.
            DatasetError: No certified row comes of these settings.
        """
        return self.draws([index])[0]

    def draws(self, indices: Iterable[int]) -> list[Certified]:
        """Several rows, each as `draw` gives it; a tenth faster, since drawing and certifying do not take turns.

        Raises:
            IndexError, DatasetError: As `draw`.
        """
        places = [self._place(index) for index in indices]
        first = [self._candidate(place, 0) for place in places]
        return [self._certified(place, candidate) for place, candidate in zip(places, first, strict=True)]

    def _candidate(self, place: int, attempt: int) -> Problem | str:
        """A problem for a row, or why there is none."""
        form, horizon = self._form(place, attempt // _SAME_FORM)
        pools = self._offer.pools(form, horizon)
        if not pools:
            return NO_END
        stream = stream_for(self.seed, "row", place, attempt)
        chosen = pools[int(stream.random() * len(pools))]
        return compose_problem(chosen, horizon, stream, style=self.style, form=form).problem or NO_GRAPH

    def _certified(self, place: int, candidate: Problem | str) -> Certified:
        """The first candidate of a row, or a later one, that has a certificate."""
        refused: Counter[str] = Counter()
        for attempt in range(_SAME_FORM * _FORMS):
            problem = self._candidate(place, attempt) if attempt else candidate
            if isinstance(problem, str):
                refused[problem] += 1
                continue
            text = graph_text(problem.graph)
            key = problem_id(problem, text)
            # The graph as it was drawn: what is read from its text is equal to it, as the tests say.
            certificate = self.certify(problem.statement, problem.answer, problem.graph, resolve, key)
            if certificate.reason is None:
                return Certified(problem, key, text, certificate, refused)
            refused[certificate.reason] += 1
        reasons = ", ".join(f"{number} {reason}" for reason, number in refused.most_common(3))
        raise DatasetError(
            f"row {place}: none of {_SAME_FORM * _FORMS} candidates was certified ({reasons}); choose shorter horizons,"
            " other shapes or more sources"
        )

    @cached_property
    def provenance(self) -> dict[str, object]:
        """What a row says of where it came from: all that it follows from, but for its index and the sources given."""
        mine: dict[str, object] = {"generator": "catena.generators.compose", "version": __version__}
        aside = {"certify", "sources", "length", "shapes", "horizons"}
        mine |= {field.name: getattr(self, field.name) for field in fields(self) if field.name not in aside}
        return mine | {"shapes": shape_weights(self.shapes, self.style), "horizons": list(self.horizons)}

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _place(self, index: int) -> int:
        place = whole(index)
        if place < 0 and self.length is not None:
            place += self.length
        if place < 0 or (self.length is not None and place >= self.length):
            size = "an unbounded data set" if self.length is None else f"{self.length:,} rows"
            raise IndexError(f"index {index} lies outside of {size}")
        return place

    def _batches(self, indices: Iterable[int] | None, size: int) -> Iterator[list[int]]:
        """Indices in growing batches: the first row comes at once."""
        left = iter(indices if indices is not None else count() if self.length is None else range(self.length))
        wanted = 1
        while batch := list(islice(left, wanted)):
            yield batch
            wanted = min(2 * wanted, size)

    def _form(self, place: int, turn: int) -> tuple[Form, int]:
        """The form of a row, the same for many candidates, so that the shares of shapes are as they were asked for."""
        bits = seed_for(self.seed, "form", place, turn)
        high, low = (
            bits >> 32,
            bits & 0xFFFFFFFF,
        )  # two numbers below 2**32; a generator would take ten times as long to set up
        horizon = self.horizons[high * len(self.horizons) >> 32]
        forms, bounds = self._forms[horizon]
        return forms[bisect(bounds, low / 2**32 * bounds[-1], 0, len(forms) - 1)], horizon

    @cached_property
    def _forms(self) -> dict[int, tuple[list[Form], list[float]]]:
        """For each horizon its forms, and the sums of their weights up to each."""
        return {
            horizon: ([replace(self._plain, shape=shape) for shape in weights], list(accumulate(weights.values())))
            for horizon, weights in self._weights.items()
        }

    @cached_property
    def _plain(self) -> Form:
        return Form("serial", self.size, self.distractors, self.intermediate)

    @cached_property
    def _weights(self) -> dict[int, dict[Shape, float]]:
        return shapes_by_horizon(self.shapes, self.horizons, self._plain, self.style)

    @cached_property
    def _offer(self) -> Offer:
        chosen = sources_of(self.sources, self.topics, self.style)
        ready = prepared_families([one.name for one in chosen]) if self.sources is None else list(map(prepare, chosen))
        return Offer(ready, self.value_preserving, LARGEST, self.style == "compact")
