"""Recipes: the TOML file that says what to make, read and checked at the edge.

Every knob has a default and a unit. Unknown keys are refused with the nearest known name; so are values that cannot be
met. A recipe is frozen; steps receive its values, never the recipe.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from catena.errors import RecipeError
from catena.flows.puzzles_recipe import Puzzles
from catena.flows.recipe_base import Count, Horizon, Name, Section, Share
from catena.flows.recipe_datasets import COMPOSED
from catena.flows.recipe_datasets import DatasetSource as DatasetSource
from catena.flows.recipe_models import BudgetSection, ModelSection
from catena.flows.recipe_pipelines import ATOM_STEPS, Pipeline
from catena.flows.recipe_publishing import AuditSection, CardSection
from catena.flows.recipe_taxonomy import Grow, TopicShare
from catena.flows.recipe_training import Training
from catena.flows.runners_recipe import RunnerSection
from catena.generators.composing import COMPACT_SHAPES, LARGEST_HORIZON
from catena.generators.graphs import Shape, possible
from catena.generators.pairing import Pairing
from catena.graphs import MAX_NODES

S = TypeVar("S", bound=BaseModel)
Nodes = Annotated[int, Field(ge=1, le=MAX_NODES)]


class Asked(Section):
    """How many intermediate answers are asked for beside the last one; those whose equality needs no tolerance."""

    intermediate: Annotated[int, Field(ge=1, lt=MAX_NODES)]


class BandSection(Section):
    """Where the expected pass rate of a group's rows is to lie: the product of their parts' measured ones.

    Attributes:
        student: The model whose pass rates count, as it is called in the pass-rate store.
        floor, ceiling: Ends of the band.
        pass_rates: Run folder or URL that holds the store, of an earlier run over plain rows of the same sources.
        least: Decided attempts that a source needs for its rate to count.
    """

    student: str
    pass_rates: str
    floor: Annotated[float, Field(gt=0, lt=1)] = 0.25
    ceiling: Annotated[float, Field(gt=0, le=1)] = 0.75
    least: Count = 4

    @model_validator(mode="after")
    def _ordered(self) -> "BandSection":
        if self.floor >= self.ceiling:
            raise ValueError(f"band: floor {self.floor} is not below ceiling {self.ceiling}")
        return self


class Composition(Section):
    """A group of composed rows.

    Attributes:
        name: Prefix of the group's shards.
        source: `atoms`, the name of a data set, or of a pipeline that writes problems with programs.
        also: Data sets or `atoms` that inner nodes come from as well, with their shares of them; together below 1.
        style: `prose`, or `compact` for tiny students.
        rows: Accepted rows wanted, per horizon: the number of nodes on the longest dependency path.
        shapes: Weights of the shapes that rows are drawn from; a shape that a horizon is too short for is left out there.
        size: Nodes of a row, distractors included, or that per horizon; by default what suits the shape.
        distractors: Nodes of a row that no wanted answer depends on.
        ask: `final`, the last answer alone, or `{ intermediate = 2 }`: so many earlier ones beside it.
        adapters: A Python file that registers further operations (see `catena.adapters`); all groups of the recipe know them.
        topics: Branches that this group draws on, instead of the whole taxonomy.
        pairing: Topics that stand next to each other: `free`, `same-subject`, or `coverage`, which gives every row a required
            link into its last problem, from all topics in turn.
        band: Rows are drawn to be as hard as this says.
        value_preserving: Share of links that keep the child's own quantity.
        spare: Candidates made beyond `rows`, as a share, to cover refused ones.
        template_cap: Rows kept of the same problem with new numbers; 0 keeps all.
        test: Rows per horizon set aside for evaluation.
        sft, rl: Horizons whose other rows serve SFT and RL; a horizon in both is divided, one in neither is only tested.
    """

    name: Name
    source: str = "atoms"
    also: dict[Name, Share] = Field(default_factory=dict)
    style: Literal["prose", "compact"] = "prose"
    topics: tuple[tuple[str, ...], ...] = ()
    rows: dict[Horizon, Count] = Field(min_length=1)
    shapes: dict[Shape, Annotated[float, Field(gt=0)]] = Field(default={"serial": 1.0}, min_length=1)
    size: Nodes | dict[Horizon, Nodes] | None = None
    distractors: Annotated[int, Field(ge=0, lt=MAX_NODES)] = 0
    ask: Asked | Literal["final"] = "final"
    adapters: str | None = None
    pairing: Pairing = "free"
    band: BandSection | None = None
    value_preserving: Share = 0.3
    spare: Share = 0.15
    template_cap: int = Field(ge=0, default=0)
    test: int = Field(ge=0, default=0)
    sft: tuple[Horizon, ...] | None = None
    rl: tuple[Horizon, ...] = ()

    @model_validator(mode="after")
    def _shapes_exist(self) -> "Composition":
        for horizon in self.rows:
            if not self.weights(horizon):
                raise ValueError(
                    f"compose {self.name!r}: none of its shapes ({', '.join(self.shapes)}) has horizon {horizon} with"
                    f" {self.nodes(horizon) or 'its own number of'} nodes, {self.distractors} of them distractors;"
                    " leave size away or choose another one"
                )
        unsaid = [shape for shape in self.shapes if shape not in COMPACT_SHAPES]
        if self.style == "compact" and unsaid:
            raise ValueError(
                f"compose {self.name!r}: shape {unsaid[0]!r} has no compact form; known: {', '.join(COMPACT_SHAPES)}"
            )
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> "Composition":
        if sum(self.also.values()) >= 1 or self.source in self.also or (self.also and self.style == "compact"):
            raise ValueError(
                f"compose {self.name!r}: also names other sources than {self.source!r} with shares that add up to less than 1,"
                f" in style prose; got {self.also}"
            )
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source that nodes come from."""
        return (self.source, *self.also)

    def nodes(self, horizon: int) -> int | None:
        """Nodes of a row of this horizon; None: what suits its shape."""
        return self.size.get(horizon) if isinstance(self.size, dict) else self.size

    def weights(self, horizon: int) -> dict[Shape, float]:
        """The shapes that this horizon can have, with their weights."""
        size = self.nodes(horizon)
        return {
            shape: weight for shape, weight in self.shapes.items() if possible(shape, horizon, size, self.distractors)
        }

    def identity(self) -> dict[str, Any]:
        """The settings that rows depend on; those that came later are left out where they are what they were before them.

        Where the file of adapters lies changes nothing.
        """
        data = self.model_dump(mode="json")
        later = {
            "shapes": {"serial": 1.0},
            "size": None,
            "distractors": 0,
            "also": {},
            "ask": "final",
            "adapters": data["adapters"],
            "pairing": "free",
            "band": None,
        }
        if data["band"] is not None:
            del data["band"]["pass_rates"]  # where the store lies changes nothing, what it holds does
        return {name: value for name, value in data.items() if name not in later or value != later[name]}


class Certification(Section):
    """What a certificate demands; see `catena.validators.certificates.Limits`."""

    perturbations: int = Field(ge=1, le=1000, default=10)
    necessity: Annotated[float, Field(gt=0, le=1)] = 0.9
    largest_answer: Annotated[float, Field(gt=0)] = 1e9


class DuplicateRule(Section):
    """Estimated Jaccard similarity of word 5-grams from which two rows of different templates count as one."""

    near: Annotated[float, Field(gt=0, le=1)] = 0.9


class Recipe(Section):
    """A whole run.

    Attributes:
        name: Name of the run folder under `runs/`.
        seed: The only source of randomness.
        shard_rows: Rows of one shard: the unit of distribution and of durable completion.
        workers: Processes; 0 takes one per core.
        runner: Who does the shards that ask no model: processes, threads, a Ray or a Dask cluster.
        ledger: Where completions are kept: a local path ending in `.db`, or any fsspec URL for a folder of segments; by
            default inside the run folder.
        tree: Topic tree whose leaves pipelines write for: a shipped one by name, a tree file, an outline or a classification.
        audit: How published rows are looked over at the end; not at all without the table.
        card: What the data set card says that the run cannot know.
        rehearsal: What the rehearsal server plants and injects under `--rehearse`; see docs/reference.md.
    """

    name: Name
    seed: int = 0
    shard_rows: int = Field(ge=1, le=1_000_000, default=2_500)
    workers: int = Field(ge=0, le=1024, default=0)
    runner: RunnerSection = RunnerSection()
    ledger: str | None = None
    tree: str | None = None
    grow: Grow | None = None
    taxonomy: tuple[TopicShare, ...] = ()
    datasets: tuple[DatasetSource, ...] = ()
    compose: tuple[Composition, ...] = ()
    puzzles: tuple[Puzzles, ...] = ()
    certificates: Certification = Certification()
    duplicates: DuplicateRule = DuplicateRule()
    models: dict[Name, ModelSection] = Field(default_factory=dict)
    budget: BudgetSection = BudgetSection()
    pipeline: tuple[Pipeline, ...] = ()
    audit: AuditSection | None = None
    card: CardSection = CardSection()
    rehearsal: dict[str, Any] = Field(default_factory=dict)
    train: Training | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        written = {line.name for line in self.pipeline if any(isinstance(step, ATOM_STEPS) for step in line.steps)}
        sources = {"atoms", *(dataset.name for dataset in self.datasets), *written}
        names = [group.name for group in self.compose]
        for group in self.compose:
            if group.source not in sources:
                raise ValueError(
                    f"compose {group.name!r}: no source {group.source!r}; known: {', '.join(sorted(sources))}"
                )
            for name in group.also:
                if name != "atoms" and name not in {dataset.name for dataset in self.datasets}:
                    raise ValueError(
                        f"compose {group.name!r}, also: no data set {name!r}; known: {', '.join(sorted(sources))}"
                    )
            if names.count(group.name) > 1:
                raise ValueError(f"compose {group.name!r} stands twice; names must differ")
            if group.source == "atoms" and not self.taxonomy and not group.topics:
                raise ValueError(
                    f"compose {group.name!r} draws on atoms, but there is no [[taxonomy]] to say of which topics"
                )
        for name in self.audit.against if self.audit is not None else ():
            if name not in {dataset.name for dataset in self.datasets}:
                known = ", ".join(sorted(dataset.name for dataset in self.datasets)) or "none"
                raise ValueError(f"audit.against: no data set {name!r}; known: {known}")
        for dataset in self.datasets:
            if dataset.format not in COMPOSED and any(dataset.name in group.sources for group in self.compose):
                raise ValueError(
                    f"data set {dataset.name!r}: only rows of format {', '.join(map(repr, COMPOSED))} can be composed"
                )
        return self

    @model_validator(mode="after")
    def _pipelines_consistent(self) -> "Recipe":
        if not self.compose and not self.pipeline and not self.puzzles and self.grow is None:
            raise ValueError("nothing to make: add a [[compose]], a [[pipeline]], a [[puzzles]] or a [grow] table")
        if self.grow is not None:
            if self.tree is not None:
                raise ValueError("tree and [grow] are both given; a grown tree begins with grow.seed")
            self._check_models("grow", "grow", self.grow.asks())
        if self.train is not None and not self.compose:
            raise ValueError("[train] needs composed rows: add a [[compose]] table")
        datasets = {dataset.name for dataset in self.datasets}
        sources = {"topics", *datasets}
        taken = {other.source for other in self.pipeline} | {group.source for group in self.compose}
        names = [group.name for group in self.compose] + [line.name for line in self.pipeline]
        names += [group.name for group in self.puzzles]
        for group in self.puzzles:
            if names.count(group.name) > 1:
                raise ValueError(f"puzzles {group.name!r}: something else has this name; names must differ")
        for line in self.pipeline:
            if names.count(line.name) > 1 or line.name in {"topics", *datasets}:
                raise ValueError(f"pipeline {line.name!r}: something else has this name; names must differ")
            for name in line.against:
                if name not in datasets:
                    known = ", ".join(sorted(datasets)) or "none"
                    raise ValueError(f"pipeline {line.name!r}, against: no data set {name!r}; known: {known}")
            if line.operators and line.source in datasets:
                raise ValueError(
                    f"pipeline {line.name!r}: operators take problems of an earlier pipeline, not of data set {line.source!r}"
                )
            if not line.publish and line.name not in taken:
                raise ValueError(
                    f"pipeline {line.name!r}: publish is false and no later pipeline or [[compose]] takes its rows"
                )
            if line.source not in sources:
                raise ValueError(
                    f"pipeline {line.name!r}: no source {line.source!r}; known: {', '.join(sorted(sources))}"
                )
            somewhere = line.topics or self.taxonomy or self.tree or self.grow
            if line.source == "topics" and not somewhere:
                raise ValueError(
                    f"pipeline {line.name!r} draws on topics; name some in it, in a [[taxonomy]], or a tree"
                )
            for step in line.steps:
                self._check_models(line.name, step.do, step.asks())
            sources.add(line.name)
        return self

    def _check_models(self, line: str, step: str, asked: tuple[str, ...]) -> None:
        for name in asked:
            if name not in self.models:
                known = ", ".join(sorted(self.models)) or "none"
                raise ValueError(f"{line!r}, step {step!r}: no model {name!r}; add [models.{name}], known: {known}")
            if self.budget.money is not None and self.models[name].price is None:
                raise ValueError(
                    f"budget.money is set, but models.{name} has no price; add price = {{ input = ..., output = ... }} in"
                    f" {self.budget.currency} per million tokens, zeros where it costs nothing"
                )


def load_recipe(path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """The recipe in the TOML file `path`; `overrides` replaces settings by dotted name (`seed`, `datasets.0.path`).

    Raises:
        RecipeError: No such file, not TOML, an unknown key (with the nearest known one) or an impossible value.
    """
    return load_settings(path, Recipe, overrides)


def load_settings(path: str | Path, kind: type[S], overrides: dict[str, str] | None = None) -> S:
    """The settings file `path` as a section of class `kind`; otherwise as `load_recipe`."""
    file = Path(path)
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"{file}: no such recipe; the shipped ones are listed by 'catena recipes'") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file}: cannot be read ({error}); give the path of a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{file}: not valid TOML ({error}); mend that line") from error
    for name, text in (overrides or {}).items():
        _override(data, name, text, file)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"{file}: {_explain(error, kind)}") from error


def _override(data: dict[str, Any], name: str, text: str, file: Path) -> None:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = name.split(".")
    place: Any = data
    try:
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"{file}: --set {name}: there is no such setting; name it as in the file, e.g. compose.0.rows"
        ) from error


def _explain(error: ValidationError, root: type[BaseModel]) -> str:
    """The first problem in one sentence: where, what was given, what is expected."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1], root)
        nearest = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known here: {', '.join(known)}"
        return f"unknown key {where!r}; {hint}"
    if first["type"] == "missing":
        return f"{where!r} is missing; add it"
    given = first.get("input")
    if first["loc"][-1:] == ("key",) or "password" in first["msg"]:
        return f"{where}: {first['msg'].removeprefix('Value error, ')}"
    shown = "" if isinstance(given, dict | list | BaseModel) else f" (given: {given!r})"
    message = first["msg"].removeprefix("Value error, ")
    limit = f"; a horizon is a whole number from 1 to {LARGEST_HORIZON}" if "[key]" in first["loc"] else ""
    return f"{where}: {message}{shown}{limit}" if where else message


def _known_keys(location: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    models: list[type[BaseModel]] = [root]
    for part in location:
        if isinstance(part, int):
            continue
        tagged = [
            model for model in models if part in get_args(getattr(model.model_fields.get("do"), "annotation", None))
        ]
        field = models[0].model_fields.get(str(part))
        models = tagged or (
            _models_in(field.annotation) if field else models if issubclass(models[0], ModelSection) else []
        )
        if not models:
            return []
    return sorted(field.alias or name for name, field in models[0].model_fields.items())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
