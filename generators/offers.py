"""What a composed data set draws on: sources by topic, ready as pools, and the shapes that each horizon can have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from catena.adapters import OPERATIONS
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import COMPACT_SHAPES, LARGEST_HORIZON, Form, Style
from catena.generators.graphs import LEAST_HORIZON, SHAPES, Shape, possible
from catena.generators.sources import Prepared, Source, prepare
from catena.graphs import MAX_NODES

Shapes = str | Mapping[Shape, float]
"""`mixed`, a comma list with optional weights (`dag=3,loop`), or weights by shape."""


def shape_weights(shapes: Shapes, style: Style = "prose") -> dict[Shape, float]:
    """The weight of each shape; `mixed` takes every one that the style can say, all alike.

    Raises:
        ValueError: A shape that there is not, or not in this style, one twice, or a weight that is no number above 0.
    """
    known = SHAPES if style == "prose" else COMPACT_SHAPES
    if shapes == "mixed":
        return dict.fromkeys(known, 1.0)
    pairs = [_pair(part) for part in shapes.split(",")] if isinstance(shapes, str) else list(shapes.items())
    for number, (shape, weight) in enumerate(pairs):
        if shape not in known:
            said = "" if style == "prose" else f" in style {style!r}"
            raise ValueError(f"no shape {shape!r}{said}; known: mixed, {', '.join(known)}")
        if shape in [name for name, _ in pairs[:number]]:
            raise ValueError(f"shape {shape!r} stands twice; give it one weight, such as {shape}=2")
        if not 0 < weight < float("inf"):
            raise ValueError(f"shape {shape!r}: its weight must be a number above 0, got {weight}")
    if not pairs:
        raise ValueError(f"no shape is given; known: mixed, {', '.join(known)}")
    given = dict(pairs)
    return {shape: given[shape] for shape in known if shape in given}  # in one order, however they were written


def _pair(part: str) -> tuple[str, float]:
    name, given, weight = part.strip().partition("=")
    try:
        return name.strip(), float(weight) if given else 1.0
    except ValueError:
        return name.strip(), float("nan")


def shapes_by_horizon(
    shapes: Shapes, horizons: Iterable[int], form: Form, style: Style
) -> dict[int, dict[Shape, float]]:
    """The shapes that each horizon can have, with their weights; of `form` the size and the distractors count.

    Raises:
        ValueError: A horizon that no shape has, or a shape by name that no horizon can have.
    """
    weights = shape_weights(shapes, style)
    found: dict[int, dict[Shape, float]] = {}
    for horizon in horizons:
        if not 1 <= horizon <= LARGEST_HORIZON:
            raise ValueError(f"horizon must be in [1, {LARGEST_HORIZON}], got {horizon}")
        found[horizon] = {
            shape: weight for shape, weight in weights.items() if possible(shape, horizon, form.size, form.distractors)
        }
        if not found[horizon]:
            nodes = "" if form.size is None else f" with {form.size} nodes"
            raise ValueError(
                f"horizon {horizon}{nodes} and {form.distractors} distractors fit none of the shapes {', '.join(weights)};"
                f" at most {MAX_NODES} nodes, and more than the horizon for all shapes but serial, backward and loop"
            )
    if not found:
        raise ValueError("no horizon is given; expected whole numbers such as 2, 3, 4")
    for shape in weights:
        if shapes != "mixed" and not any(shape in each for each in found.values()):
            least = LEAST_HORIZON.get(shape, 2)
            raise ValueError(
                f"shape {shape!r} has none of the horizons {', '.join(map(str, found))} with this size and these"
                f" distractors (it needs at least {least}); leave it out or change them"
            )
    return found


@cache
def _family(name: str, operations: int) -> Prepared:
    return prepare(families()[name])


def prepared_families(names: Iterable[str]) -> list[Prepared]:
    """Families ready for composing; measured once per process, and again where further adapters were registered."""
    return [_family(name, len(OPERATIONS)) for name in names]


def sources_of(sources: Sequence[Source] | None, topics: Sequence[str], style: Style) -> list[Source]:
    """The sources (None: the families) of these topics that the style can say.

    Args:
        topics: Paths or their beginnings, such as `mathematics/algebra`; empty: every topic.

    Raises:
        ValueError: There is none of a topic, or none that the style can say.
    """
    chosen = _of_topics(list(families().values()) if sources is None else sources, topics)
    said = [one for one in chosen if style == "prose" or one.compact is not None]
    if not said:
        raise ValueError(f"no source can be said in style {style!r}; choose other topics or sources, or another style")
    return said


def _of_topics(sources: Sequence[Source], topics: Sequence[str]) -> Sequence[Source]:
    wanted = [tuple(part.strip().lower() for part in topic.split("/")) for topic in topics]
    for path in wanted:
        if not any(_lies_below(source, path) for source in sources):
            known = ", ".join(sorted({"/".join(source.topic[: len(path)]) for source in sources}))
            raise ValueError(f"no source has a topic {'/'.join(path)!r}; known: {known or 'none, there is no source'}")
    return [source for source in sources if not wanted or any(_lies_below(source, path) for path in wanted)]


def _lies_below(source: Source, path: tuple[str, ...]) -> bool:
    return tuple(part.lower() for part in source.topic[: len(path)]) == path


@dataclass(frozen=True)
class Offer:
    """Sources as pools: one for each topic that a row's last problem can have.

    Attributes:
        sources: Ready ones.
        value_preserving: Share of links that keep the child's own quantity.
        largest: No answer may be larger in magnitude.
        plain: Whether answers are carried as they are, as the compact style needs it.
    """

    sources: Sequence[Prepared]
    value_preserving: float
    largest: float
    plain: bool
    _found: dict[tuple[Shape, int], list[Pools]] = field(default_factory=dict, compare=False, repr=False)

    def pools(self, form: Form, horizon: int) -> list[Pools]:
        """The pools whose last problems can end a row of this form and horizon."""
        key = (form.shape, horizon)
        if key not in self._found:
            self._found[key] = [
                pools
                for pools in (self._alone if horizon == 1 else self._linked)
                if possible(form.shape, horizon, form.size, form.distractors, pools.widest_end)
                and (form.shape != "fan-out" or any(one.source.kind != "real" for one in pools.last))
            ]
        return self._found[key]

    @cached_property
    def _alone(self) -> list[Pools]:
        return self._by_topic(self.sources)

    @cached_property
    def _linked(self) -> list[Pools]:
        return self._by_topic([one for one in self.sources if one.links])

    def _by_topic(self, last: Sequence[Prepared]) -> list[Pools]:
        by_topic: dict[tuple[str, ...], list[Prepared]] = {}
        for one in last:
            by_topic.setdefault(one.source.topic, []).append(one)
        return [replace(self._base, last=group) for group in by_topic.values()]

    @cached_property
    def _base(self) -> Pools:
        parents = [one for one in self.sources if one.can_be_parent]
        integers = [one for one in parents if one.source.kind == "integer"]
        deciders = [one for one in self.sources if one.source.kind == "boolean"]
        further = [one for one in self.sources if one.operations and not one.can_be_parent]
        return Pools(
            any_node=[
                *parents,
                *integers,
                *integers,
            ],  # whole answers are carried more naturally, so they come more often
            last=(),
            value_preserving=self.value_preserving,
            largest=self.largest,
            plain=self.plain,
            deciders=[] if self.plain else deciders,
            further=[] if self.plain else further,
        )
