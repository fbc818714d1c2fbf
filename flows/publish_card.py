"""What lies beside the data on the hub: the card, Croissant metadata, a list of the files with hashes, citation and recipe."""

from collections.abc import Mapping, Sequence

import orjson
import pyarrow as pa

from catena.errors import RunFolderError
from catena.flows.card import CardFacts, Published, card_text, facts_of
from catena.flows.croissant import Described, check, croissant
from catena.flows.plan import Plan
from catena.flows.publish_parts import Part, configurations
from catena.flows.publish_staging import StagedFile
from catena.shards import read_shard
from catena.storage import Store

LISTING = "catena.json"
_UNLICENSED = "https://schema.org/license"


def beside(
    plan: Plan,
    store: Store,
    parts: Sequence[Part],
    files: Sequence[StagedFile],
    repo: str,
    url: str,
    tag: str,
    day: str,
) -> dict[str, bytes]:
    """The small files of the repository by path; all of them follow from the run and the arguments.

    Args:
        url: The repository's page.
        tag: Its version, empty for none.
        day: The date of publication (2026-11-21), which stands in the metadata.

    Raises:
        RunFolderError: The run has no report.
        UserError: mlcroissant is not installed.
    """
    try:
        report = orjson.loads(store.read("report.json"))
    except (FileNotFoundError, ValueError) as error:
        raise RunFolderError(
            f"{plan.url}: no report.json, so the run is not finished; run the recipe to its end"
        ) from error
    facts = facts_of(plan, store, report)
    published = Published(repo, url, tag, int(day[:4]), _configs(parts, files))
    metadata = croissant(
        _described(facts, published, day),
        {part.name: part.pattern for part in parts},
        {name: [part.name for part in own] for name, own in configurations(parts).items()},
        {part.name: _schema(store, part) for part in parts},
    )
    check(metadata)
    return {
        "README.md": card_text(facts, published).encode("utf-8", "replace"),
        "croissant.json": orjson.dumps(metadata, option=orjson.OPT_INDENT_2),
        LISTING: _listing(plan, facts, files),
        "recipe.toml": facts.recipe.encode("utf-8", "replace"),
    }


def _listing(plan: Plan, facts: CardFacts, files: Sequence[StagedFile]) -> bytes:
    listing = {
        "recipe": facts.name,
        "identity": facts.identity,
        "seed": facts.seed,
        "catena": facts.catena,
        "datasets": plan.fingerprints,
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


def rows_of(parts: Sequence[Part], files: Sequence[StagedFile]) -> Mapping[str, int]:
    """Rows of each part, by its name."""
    return {part.name: sum(one.rows for one in files if one.path.split("/")[1] == part.name) for part in parts}


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
