"""What a recipe comes to: its stages, their identities, and the shard jobs of each.

A stage's identity is a hash of the settings that its rows depend on and of its inputs' identities. A changed setting
gives the stages that depend on it new folders; the others are found finished.
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
from catena.flows.job import Job
from catena.flows.making import prepared_family
from catena.flows.recipe import Composition, DatasetSource, Recipe
from catena.flows.run_folder import Marker
from catena.generators.atoms.catalog import families
from catena.generators.dataset_atom import TOPIC as DATASET_TOPIC
from catena.records import Topic
from catena.taxonomy.tree import Slots, leaves_of

DATA_STAGES = ("taxonomy", "atoms", "compose", "certify", "duplicates", "shards")
_ATOMS_OF_TREE = "families"


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
    def identities(self) -> dict[str, str]:
        """Identity of each data stage, and of the whole run (`run`)."""
        recipe = self.recipe
        base = [__version__, recipe.seed]
        known: dict[str, str] = {}
        known["taxonomy"] = digest([base, self._dump(recipe.taxonomy)])
        known["atoms"] = digest([known["taxonomy"], self.fingerprints])
        groups = [
            group.model_dump(mode="json", exclude={"test", "sft", "rl", "template_cap"}) for group in recipe.compose
        ]
        known["compose"] = digest([known["atoms"], groups, recipe.shard_rows, recipe.certificates.largest_answer])
        known["certify"] = digest([known["compose"], recipe.certificates.model_dump(mode="json")])
        caps = [group.template_cap for group in recipe.compose]
        known["duplicates"] = digest([known["certify"], caps, recipe.duplicates.model_dump(mode="json")])
        known["shards"] = digest([known["duplicates"], self._dump(recipe.compose)])
        training = recipe.train.model_dump(mode="json") if recipe.train else None
        known["run"] = digest([known["shards"], training])
        return known

    @staticmethod
    def _dump(sections: Sequence[Any]) -> list[Any]:
        return [section.model_dump(mode="json") for section in sections]

    def as_json(self) -> bytes:
        """The resolved recipe and the fingerprints of its data sets, to be kept beside the shards."""
        data = {"recipe": self.recipe.model_dump(mode="json"), "fingerprints": self.fingerprints, "catena": __version__}
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)

    def folder(self, stage: str) -> str:
        """Where a stage's shards lie in the run folder."""
        return f"stages/{stage}-{self.identities[stage]}"

    def leaves(self, group: Composition, horizon: int) -> list[Topic]:
        """The leaf topics that a group's rows of one horizon end in, with their quotas.

        A topic none of whose families can receive another answer fills no quota beyond horizon 1.
        """
        rows = group.rows[horizon]
        if group.source != "atoms":
            return [Topic(DATASET_TOPIC, rows)]
        offered = [
            family.topic
            for family in families().values()
            if (group.style == "prose" or family.compact is not None)
            and (horizon == 1 or prepared_family(family.name).links)
        ]
        branches = [(branch.path, branch.share) for branch in self.recipe.taxonomy]
        if group.topics:
            branches = [(path, 1.0) for path in group.topics]
        try:
            return leaves_of(branches, offered, rows)
        except ValueError as error:
            raise RecipeError(f"recipe {self.recipe.name!r}, compose {group.name!r}: {error}") from error

    def jobs(self, stage: str, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        """The shard jobs of a data stage, given the finished ones of the stages before it."""
        return list(getattr(self, f"_{stage}")(done))

    def _job(self, stage: str, shard: str, work: str, **given: Any) -> Job:
        return Job(self.url, self.folder(stage), shard, work, given)

    def _taxonomy(self, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        quotas: dict[tuple[str, ...], int] = {}
        for group in self.recipe.compose:
            for horizon in group.rows:
                for topic in self.leaves(group, horizon):
                    quotas[topic.path] = quotas.get(topic.path, 0) + topic.quota
        return [self._job("taxonomy", "topics", "lock_topics", topics=sorted(quotas.items()))]

    def _atoms(self, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        jobs = [
            self._job(
                "atoms", source.name, "parse_dataset", source=place_of(source), name=source.name, split=source.split
            )
            for source in self.recipe.datasets
        ]
        paths = {
            topic.path
            for group in self.recipe.compose
            if group.source == "atoms"
            for horizon in group.rows
            for topic in self.leaves(group, horizon)
        }
        names = [family.name for family in families().values() if family.topic in paths]
        return [*jobs, self._job("atoms", _ATOMS_OF_TREE, "list_families", names=names)] if names else jobs

    def _compose(self, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        jobs = []
        size = self.recipe.shard_rows
        atoms = {job.shard: marker.shards[0] for job, marker in done["atoms"]}
        for group in self.recipe.compose:
            for horizon in sorted(group.rows):
                leaves = self.leaves(group, horizon)
                quotas = [leaf.quota for leaf in leaves]
                total = Slots.of(quotas, group.spare).total
                for number, start in enumerate(range(0, total, size)):
                    jobs.append(
                        self._job(
                            "compose",
                            f"{group.name}-h{horizon:02d}-{number:05d}",
                            "compose_shard",
                            group=group.model_dump(mode="json"),
                            horizon=horizon,
                            start=start,
                            stop=min(start + size, total),
                            seed=self.recipe.seed,
                            leaves=[leaf.path for leaf in leaves],
                            quotas=quotas,
                            largest=self.recipe.certificates.largest_answer,
                            dataset=None if group.source == "atoms" else atoms[group.source],
                        )
                    )
        return jobs

    def _certify(self, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        asked = self.recipe.certificates
        limits = {
            "perturbations": asked.perturbations,
            "necessity": asked.necessity,
            "largest": asked.largest_answer,
        }
        return [
            self._job(
                "certify", job.shard, "certify_shard", candidates=marker.shards[0], seed=self.recipe.seed, limits=limits
            )
            for job, marker in done["compose"]
        ]

    def _duplicates(self, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        groups = [
            (
                group.template_cap,
                [(horizon_of(job), marker.shards[0]) for job, marker in done["certify"] if group_of(job) == group.name],
            )
            for group in self.recipe.compose
        ]
        return [
            self._job("duplicates", "decisions", "find_duplicates", groups=groups, near=self.recipe.duplicates.near)
        ]

    def _shards(self, done: dict[str, list[tuple[Job, Marker]]]) -> list[Job]:
        decisions = done["duplicates"][0][1].shards[0]
        provenance = {
            "recipe": self.recipe.name,
            "identity": self.identities["shards"],
            "seed": self.recipe.seed,
            "catena": __version__,
        }
        groups = {group.name: group for group in self.recipe.compose}
        jobs = []
        for job, marker in done["certify"]:
            group, horizon = groups[group_of(job)], horizon_of(job)
            rows = group.rows[horizon]
            jobs.append(
                self._job(
                    "shards",
                    job.shard,
                    "publish_shard",
                    certified=marker.shards[0],
                    decisions=decisions,
                    quotas={" / ".join(leaf.path): leaf.quota for leaf in self.leaves(group, horizon)},
                    test=-(-1000 * group.test // rows),
                    uses=uses_of(group, horizon),
                    provenance=provenance,
                )
            )
        return jobs


def group_of(job: Job) -> str:
    """The compose group that a shard belongs to."""
    return job.shard.rsplit("-", 2)[0]


def horizon_of(job: Job) -> int:
    """The horizon of a shard's rows."""
    return int(job.shard.rsplit("-", 2)[1][1:])


def uses_of(group: Composition, horizon: int) -> list[str]:
    """What the rows of a horizon serve beside evaluation; empty: evaluation alone."""
    named = group.sft is not None or bool(group.rl)
    sft = not named or horizon in (group.sft or ())
    return [use for use, wanted in (("sft", sft), ("rl", horizon in group.rl)) if wanted]


def place_of(source: DatasetSource) -> str:
    """The path, URL or hub id of a data set."""
    place = source.path or source.hub
    assert place is not None
    return place


def fingerprint(source: DatasetSource) -> str:
    """What changes when the data set changes: the hash of a file, or hub id and split.

    Raises:
        DatasetError: The file cannot be read.
    """
    if source.path is None:
        return f"hub:{source.hub}:{source.split}"
    try:
        opened: Any = fsspec.open(source.path, "rb")
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
