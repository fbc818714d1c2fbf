"""What a recipe comes to: its stages, their identities, and the shard jobs of each.

A stage's identity is a hash of the settings that its rows depend on and of the identities of the stages it reads. A
changed setting gives the stages that depend on it new folders; the others are found finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import fsspec
import orjson

from catena import __version__
from catena.errors import DatasetError, RecipeError
from catena.flows import plan_compose, plan_panel, plan_pipelines, plan_taxonomy, puzzles_plan
from catena.flows.job import Job
from catena.flows.making import takes_answers
from catena.flows.recipe import Composition, DatasetSource, Recipe
from catena.flows.recipe_base import Section
from catena.flows.recipe_publishing import CardSection
from catena.flows.reviewing import base_of
from catena.flows.reviews import Review, reviews
from catena.flows.run_folder import DATA_MANIFEST, Marker, finished_markers
from catena.flows.trees import edits_of, with_edits
from catena.generators import reasoning_gym_tasks
from catena.generators.atoms.catalog import families
from catena.generators.dataset_atom import TOPIC as DATASET_TOPIC
from catena.records import Topic
from catena.shards import Shard
from catena.storage import Store
from catena.taxonomy.opening import open_tree
from catena.taxonomy.overlay import Edits
from catena.taxonomy.quotas import leaves_of
from catena.taxonomy.tree import Tree

Done = dict[str, list[tuple[Job, Marker]]]
Settings = dict[str, Any]


def digest(data: Any) -> str:
    """A short hash of plain data."""
    return blake2b(orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Plan:
    """The stages of a recipe in one run folder.

    Attributes:
        recipe: What to make.
        url: The run folder.
        fingerprints: Content fingerprint of each data set, by name.
    """

    recipe: Recipe
    url: str
    fingerprints: dict[str, str]

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """The data stages in order, each with the stages whose rows it reads."""
        stages = plan_taxonomy.levels(self.recipe.grow)
        topical = bool(self.recipe.compose) or any(line.source == "topics" for line in self.recipe.pipeline)
        if topical or stages:
            stages["taxonomy"] = tuple(stages)[-1:]
        composed = dict(plan_compose.PARENTS) if self.recipe.compose else {}
        ends: tuple[str, ...] = ("duplicates",) if composed else ()
        sources = plan_compose.pipelines_of(self._any)
        if not sources:
            stages.update(composed)
        for line in self.recipe.pipeline:
            rows, work = plan_pipelines.stages_of(line)
            if line.candidates is None:
                stages[rows] = plan_pipelines.above(self._any, line)
                stages |= plan_panel.parents(self._any, line, work, (rows,))
            else:
                stages |= plan_panel.parents(self._any, line, work, ("taxonomy",))
            ends = (*ends, work) if line.publish else ends
        if sources:
            read = [plan_pipelines.stages_of(line)[1] for line in self.recipe.pipeline if line.name in sources]
            stages |= {**composed, "atoms": (*composed["atoms"], *read)}
        for group in self.recipe.puzzles:
            stages |= puzzles_plan.parents(group)
            ends = (*ends, tuple(puzzles_plan.parents(group))[-1])
        return {**stages, "shards": ends}

    @property
    def _any(self) -> Any:
        """This plan, for the modules that plan its parts: type checkers that follow the links see two classes of this name."""
        return self

    @property
    def stages(self) -> tuple[str, ...]:
        """The data stages in order."""
        return tuple(self.parents)

    @cached_property
    def settings(self) -> dict[str, Settings]:
        """What each data stage depends on beside its parents, as plain data by dotted name."""
        known: dict[str, Settings] = plan_taxonomy.settings(self._any)
        known["taxonomy"] = {"taxonomy": self._dump(self.recipe.taxonomy)}
        if self.recipe.tree is not None:
            known["taxonomy"]["tree"] = open_tree(self.recipe.tree).identity
        if self.edits:
            known["taxonomy"]["edits"] = digest(sorted((path, repr(topic)) for path, topic in self.edits.items()))
        shards: Settings = {}
        if self.recipe.compose:
            known |= plan_compose.settings(self._any)
            shards["compose"] = [group.identity() for group in self.recipe.compose]
        for line in self.recipe.pipeline:
            known |= plan_pipelines.settings(self._any, line) | plan_panel.settings(self._any, line)
            shards[f"pipeline.{line.name}.test"] = line.test
        for group in self.recipe.puzzles:
            known |= puzzles_plan.settings(self._any, group)
            shards |= puzzles_plan.published(group)
        known["shards"] = shards
        base = {"catena": __version__, "seed": self.recipe.seed}
        return {stage: {**base, **known[stage]} for stage in self.stages}

    @cached_property
    def identities(self) -> dict[str, str]:
        """Identity of each data stage, and of the whole run (`run`)."""
        known: dict[str, str] = {}
        for stage, parents in self.parents.items():
            known[stage] = digest([self.settings[stage], [known[parent] for parent in parents]])
        training = self.recipe.train.model_dump(mode="json") if self.recipe.train else None
        ends = [section.model_dump(mode="json") for section in self._ends()]
        known["run"] = digest([known["shards"], known.get("taxonomy"), training, *ends])
        return known

    def _ends(self) -> list[Section]:
        """What is done once the data is published, as far as the recipe says anything about it."""
        sections = [self.recipe.audit, self.recipe.card if self.recipe.card != CardSection() else None]
        return [section for section in sections if section is not None]

    @cached_property
    def edits(self) -> Edits:
        """What people changed in the tree of this run folder."""
        return edits_of(Store(self.url)) if self.recipe.grow is not None or self.recipe.tree is not None else {}

    @cached_property
    def reviewed(self) -> dict[str, tuple[str, list[Review]]]:
        """For each pipeline whose rows people decided, the folder of the votes on them and the decisions."""
        lines = [line for line in self.recipe.pipeline if line.panel is not None]
        store = Store(self.url)
        decided = reviews(store) if lines else []
        found = {line.name: base_of(store, plan_pipelines.stages_of(line)[1], decided) for line in lines}
        return {name: (base, own) for name, (base, own) in found.items() if own}

    @staticmethod
    def _dump(sections: Sequence[Any]) -> list[Any]:
        return [section.model_dump(mode="json") for section in sections]

    def as_json(self) -> bytes:
        """The resolved recipe, the fingerprints of its data sets and what each stage depends on, kept beside the shards."""
        data = {
            "recipe": self.recipe.model_dump(mode="json", by_alias=True),
            "fingerprints": self.fingerprints,
            "catena": __version__,
            "settings": self.settings,
        }
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)

    def folder(self, stage: str) -> str:
        """Where a stage's shards lie in the run folder."""
        return f"stages/{stage}-{self.identities[stage]}"

    def job(self, stage: str, shard: str, work: str, **given: Any) -> Job:
        """A shard job of `stage`."""
        return Job(self.url, self.folder(stage), shard, work, given)

    def leaves(self, group: Composition, horizon: int) -> list[Topic]:
        """The leaf topics that a group's rows of one horizon end in, with their quotas.

        A topic none of whose families can receive another answer fills no quota beyond horizon 1.
        """
        rows = group.rows[horizon]
        if group.source != "atoms":
            return [Topic(DATASET_TOPIC, rows)]  # rows of a pipeline have topics of their own and count together
        offered = [
            family.topic
            for family in families().values()
            if (group.style == "prose" or family.compact is not None) and (horizon == 1 or takes_answers(family.name))
        ]
        branches = [(branch.path, branch.share) for branch in self.recipe.taxonomy]
        if group.topics:
            branches = [(path, 1.0) for path in group.topics]
        try:
            return leaves_of(branches, offered, rows)
        except ValueError as error:
            raise RecipeError(f"recipe {self.recipe.name!r}, compose {group.name!r}: {error}") from error

    def jobs(self, stage: str, done: Done) -> list[Job]:
        """The shard jobs of a data stage, given the finished ones of the stages before it."""
        if stage.startswith("level-"):
            return plan_taxonomy.jobs(self._any, stage, done)
        if stage == "taxonomy":
            tree = plan_taxonomy.tree_of_run(self._any, Store(self.url), done)
            quotas = self._quotas(tree)
            return [self.job(stage, f"topics-{digest(quotas)}", "lock_topics", topics=quotas)]
        if stage == "shards":
            composed = plan_compose.publishing(self._any, done) if self.recipe.compose else []
            for group in self.recipe.puzzles:
                composed += puzzles_plan.publishing(self._any, group, done)
            return composed + [
                job
                for line in self.recipe.pipeline
                if line.publish
                for job in plan_pipelines.publishing(self._any, line, done)
            ]
        if stage.startswith(puzzles_plan.PREFIXES):
            return puzzles_plan.jobs(self._any, stage, done)
        if stage in plan_compose.PARENTS:
            return plan_compose.JOBS[stage](self._any, done)
        if stage.startswith(plan_panel.PREFIX):
            return plan_panel.jobs(self._any, stage, done)
        if stage.startswith(plan_panel.REVIEWED):
            return plan_panel.review_jobs(self._any, stage)
        return plan_pipelines.jobs(self._any, stage, done)

    def accepted(self, name: str, done: Done) -> list[tuple[Shard, Any]]:
        """The shards of a pipeline's accepted rows, each with how many count per topic (None: all)."""
        line = next(line for line in self.recipe.pipeline if line.name == name)
        return plan_pipelines.accepted(self._any, line, done)

    def marked(self, stage: str, done: Done) -> list[tuple[Job, Marker | None]]:
        """The jobs of a stage with their markers, None where one is not finished.

        Rounds of candidates are followed as far as their markers reach.
        """
        store = Store(self.url)
        found: list[tuple[Job, Marker | None]] = []
        while True:
            there = [(job, marker) for job, marker in found if marker is not None]
            jobs = self.jobs(stage, {**done, stage: there})
            if len(jobs) == len(found):
                return found
            more = jobs[len(found) :]
            found += zip(more, finished_markers(store, [job.marker for job in more]), strict=True)

    def finished(self, until: str) -> Done:
        """The finished jobs of every stage up to `until`, with their markers; a stage whose parents are unfinished is left out."""
        done: Done = {}
        whole: set[str] = set()
        for stage in self.stages[: self.stages.index(until) + 1]:
            if set(self.parents[stage]) <= whole:
                marked = self.marked(stage, done)
                done[stage] = [(job, marker) for job, marker in marked if marker is not None]
                whole |= {stage} if len(done[stage]) == len(marked) else set()
        return done

    def _quotas(self, tree: Tree | None) -> list[tuple[tuple[str, ...], int]]:
        """Every leaf of the run with the rows wanted of it."""
        quotas: dict[tuple[str, ...], int] = {}
        written = (*plan_compose.pipelines_of(self._any), *plan_compose.kept_of(self._any))
        groups = [
            self.leaves(group, horizon)
            for group in self.recipe.compose
            if group.source not in written
            for horizon in group.rows
        ]
        lines = [
            plan_pipelines.leaves(self._any, line, tree) for line in self.recipe.pipeline if line.source == "topics"
        ]
        if self.recipe.grow is not None and tree is not None and not self.recipe.pipeline:
            quotas = {topic.path: 0 for topic in tree.leaves}
        for topic in (topic for leaves in (*groups, *lines) for topic in leaves):
            quotas[topic.path] = quotas.get(topic.path, 0) + topic.quota
        return sorted(quotas.items())

    @property
    def asks_models(self) -> bool:
        """Whether any stage asks a model."""
        return bool(self.recipe.pipeline) or self.recipe.grow is not None

    @cached_property
    def provenance(self) -> dict[str, object]:
        """What every published row says of its origin."""
        return {
            "recipe": self.recipe.name,
            "identity": self.identities["shards"],
            "seed": self.recipe.seed,
            "catena": __version__,
            **self._tree_named(),
        }

    def _tree_named(self) -> dict[str, object]:
        """The identity of the tree that the recipe names; a grown one is known only later."""
        if self.recipe.tree is None:
            return {}
        return {"tree": with_edits(open_tree(self.recipe.tree), self.edits).identity}


def fingerprint(source: DatasetSource) -> str:
    """What changes when the data set changes: the hash of a file, or hub id and split.

    Raises:
        DatasetError: The file cannot be read.
    """
    if source.reasoning_gym is not None:
        return f"{source.place} {reasoning_gym_tasks.version()}"
    if source.path is None:
        return f"hub:{source.hub}:{source.split}" + (f":{source.config}" if source.config is not None else "")
    try:
        place = f"{source.path.rstrip('/')}/{DATA_MANIFEST}" if source.format == "composed" else source.path
        opened: Any = fsspec.open(place, "rb")
        with opened as file:
            hasher = blake2b(digest_size=8)
            while block := file.read(1 << 20):
                hasher.update(block)
            return hasher.hexdigest()
    except FileNotFoundError as error:
        raise DatasetError(
            f"{source.path}: no such file; name the JSONL file of data set {source.name!r} with"
            f" --set datasets.0.path=FILE, or a hub id with hub = in the recipe"
        ) from error
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(f"{source.path}: cannot be read ({error}); name a readable JSONL file") from error


def plan_of(recipe: Recipe, url: str) -> Plan:
    """The plan of a recipe in the run folder `url`.

    Raises:
        DatasetError: A data set cannot be read.
    """
    return Plan(recipe, url, {source.name: fingerprint(source) for source in recipe.datasets})


def absolute(url: str) -> str:
    """A local path made absolute, a URL as it is: workers may run elsewhere."""
    return url if "://" in url else str(Path(url).absolute())
