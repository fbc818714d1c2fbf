"""What lies beside the data on the hub: the card, Croissant metadata, a list of the files with hashes, citation and recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa

from catena.errors import RunFolderError
from catena.flows.card import CardFacts, Published, card_text, facts_of
from catena.flows.croissant import Described, croissant
from catena.flows.plan import Plan
from catena.flows.publish_parts import Part, configurations
from catena.flows.publish_staging import StagedFile, rows_of
from catena.shards import read_shard
from catena.storage import Store

LISTING = "catena.json"
_UNLICENSED = "https://schema.org/license"


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of the small files before the first row is uploaded; `metadata` is for Croissant."""

    facts: CardFacts
    fingerprints: Mapping[str, str]
    published: Published
    metadata: dict[str, Any]


def begun(plan: Plan, store: Store, parts: Sequence[Part], published: Published, day: str) -> Beside:
    """All that follows from the run and the arguments.

    Args:
        published: Where it goes; its configurations are filled in later.
        day: The date of publication (2026-11-21), which stands in the metadata.

    Raises:
        RunFolderError: The run has no report.
    """
    try:
        report = orjson.loads(store.read("report.json"))
    except (FileNotFoundError, ValueError) as error:
        raise RunFolderError(
            f"{plan.url}: no report.json, so the run is not finished; run the recipe to its end"
        ) from error
    facts = facts_of(plan, store, report)
    metadata = croissant(
        _described(facts, published, day),
        {part.name: part.pattern for part in parts},
        {name: [part.name for part in own] for name, own in configurations(parts).items()},
        {part.name: _schema(store, part) for part in parts},
    )
    return Beside(facts, plan.fingerprints, published, metadata)


def beside(begun: Beside, parts: Sequence[Part], files: Sequence[StagedFile]) -> dict[str, bytes]:
    """The small files of the repository by path."""
    facts = begun.facts
    published = replace(begun.published, configs=_configs(parts, files))
    return {
        "README.md": card_text(facts, published).encode("utf-8", "replace"),
        "croissant.json": orjson.dumps(begun.metadata, option=orjson.OPT_INDENT_2),
        LISTING: _listing(begun, files),
        "recipe.toml": facts.recipe.encode("utf-8", "replace"),
    }


def _listing(begun: Beside, files: Sequence[StagedFile]) -> bytes:
    facts = begun.facts
    listing = {
        "recipe": facts.name,
        "identity": facts.identity,
        "seed": facts.seed,
        "catena": facts.catena,
        "datasets": begun.fingerprints,
        "files": [
            {"path": one.path, "rows": one.rows, "num_bytes": one.num_bytes, "sha256": one.sha256} for one in files
        ],
    }
    return orjson.dumps(listing, option=orjson.OPT_INDENT_2)


def _configs(
    parts: Sequence[Part], files: Sequence[StagedFile]
) -> tuple[tuple[str, tuple[tuple[str, str, int], ...]], ...]:
    rows = rows_of(parts, files)
    return tuple(
        (name, tuple((part.split, part.pattern, rows[part.name]) for part in own))
        for name, own in configurations(parts).items()
    )


def _described(facts: CardFacts, published: Published, day: str) -> Described:
    return Described(
        name=facts.name,
        description=facts.description or f"{facts.title}: reasoning problems with verified answers.",
        url=published.url,
        license=facts.license if facts.license != "unknown" else _UNLICENSED,
        languages=facts.languages,
        cite=f"{facts.title}. {published.year}. {published.url}",
        version=_version(published.tag),
        published=day,
    )


def _version(tag: str) -> str:
    """A tag as the three numbers that Croissant asks for."""
    numbers = tag.removeprefix("v").split(".")
    return ".".join([*numbers, "0", "0"][:3]) if tag and all(one.isdigit() for one in numbers) else "1.0.0"


def _schema(store: Store, part: Part) -> pa.Schema:
    return read_shard(store, part.shards[0].path, part.columns).schema
