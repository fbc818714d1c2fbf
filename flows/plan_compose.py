"""The shard jobs of composed rows: topics, atoms, candidates, certificates, duplicates, published shards."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.judging import ANY_TOPIC
from catena.flows.recipe import BandSection, Composition, DatasetSource
from catena.flows.run_folder import Marker
from catena.generators.atoms.catalog import families
from catena.generators.composing import STEADY_FROM
from catena.pass_rates import read_pass_rates
from catena.records import content_id
from catena.shards import Shard
from catena.taxonomy.quotas import Slots

if TYPE_CHECKING:
    from catena.flows.plan import Plan

COMPOSING, CERTIFYING = 2, 3
"""Versions of how long graphs are drawn and of how links are judged: rows of two versions are not mixed in one run."""
Done = dict[str, list[tuple[Job, Marker]]]
TRUST = "CATENA_TRUST_CODE"
"""Environment variable with the paths of Python files that recipes may have run, separated as in PATH."""
_ATOMS_OF_TREE = "families"
PARENTS: dict[str, tuple[str, ...]] = {
    "atoms": ("taxonomy",),
    "compose": ("atoms",),
    "certify": ("compose",),
    "duplicates": ("certify",),
}
"""The stages of composed rows, and what each reads."""


def settings(plan: "Plan") -> dict[str, dict[str, Any]]:
    """What each of these stages depends on beside its parents."""
    recipe = plan.recipe
    aside = {"test", "sft", "rl", "template_cap"}
    groups = [
        {name: value for name, value in group.identity().items() if name not in aside} for group in recipe.compose
    ]
    certificates = recipe.certificates.model_dump(mode="json")
    banded = {group.name: band_rates(group.band) for group in recipe.compose if group.band is not None}
    layouts = {one.name: [one.format, one.layout] for one in recipe.datasets if one.layout is not None}
    own = {"adapters": [_text_of(path) for path in adapters_of(plan)]} if adapters_of(plan) else {}
    return {
        "atoms": {"datasets": plan.fingerprints, **({"layouts": layouts} if layouts else {})},
        "compose": {
            "compose": groups,
            **own,
            **({"pass_rates": banded} if banded else {}),
            **({"rules": COMPOSING} if any(max(group.rows) >= STEADY_FROM for group in recipe.compose) else {}),
            "shard_rows": recipe.shard_rows,
            "certificates.largest_answer": recipe.certificates.largest_answer,
        },
        "certify": {"certificates": certificates, "rules": CERTIFYING, **own},
        "duplicates": {
            "compose.template_cap": [group.template_cap for group in recipe.compose],
            "duplicates": recipe.duplicates.model_dump(mode="json"),
        },
    }


def _atoms(plan: "Plan", done: Done) -> list[Job]:
    jobs = [
        plan.job(
            "atoms",
            source.name,
            "parse_dataset",
            source=place_of(source),
            name=source.name,
            split=source.split,
            **({"layout": source.layout} if source.layout is not None else {}),
        )
        for source in plan.recipe.datasets
        if source.name in {name for group in plan.recipe.compose for name in group.sources}
    ]
    paths = {
        topic.path
        for group in plan.recipe.compose
        if group.source == "atoms"
        for horizon in group.rows
        for topic in plan.leaves(group, horizon)
    }
    names = [family.name for family in families().values() if family.topic in paths]
    for name in pipelines_of(plan):
        jobs.append(plan.job("atoms", _written(plan, name, done), "written_atoms", taken=plan.accepted(name, done)))
    return [*jobs, plan.job("atoms", _ATOMS_OF_TREE, "list_families", names=names)] if names else jobs


def _compose(plan: "Plan", done: Done) -> list[Job]:
    jobs = []
    size = plan.recipe.shard_rows
    atoms = {job.shard: marker.shards[0] for job, marker in done["atoms"]}
    written = {name: _written(plan, name, done) for name in pipelines_of(plan)}
    for group in plan.recipe.compose:
        source = written.get(group.source, group.source)
        came = _content(atoms[source]) if group.source in written else ""
        for horizon in sorted(group.rows):
            leaves = plan.leaves(group, horizon)
            quotas = [leaf.quota for leaf in leaves]
            total = Slots.of(quotas, group.spare).total
            for number, start in enumerate(range(0, total, size)):
                jobs.append(
                    plan.job(
                        "compose",
                        f"{group.name}-h{horizon:02d}-{number:05d}{came}",
                        "compose_shard",
                        group=group.model_dump(mode="json"),
                        horizon=horizon,
                        adapters=adapters_of(plan),
                        shapes=list(group.weights(horizon).items()),
                        size=group.nodes(horizon),
                        start=start,
                        stop=min(start + size, total),
                        seed=plan.recipe.seed,
                        leaves=[leaf.path for leaf in leaves],
                        quotas=quotas,
                        largest=plan.recipe.certificates.largest_answer,
                        dataset=None if group.source == "atoms" else atoms[source],
                        also=[(atoms.get(name), share) for name, share in group.also.items()],
                        **({} if group.band is None else {"rates": band_rates(group.band)}),
                    )
                )
    return jobs


def _certify(plan: "Plan", done: Done) -> list[Job]:
    asked = plan.recipe.certificates
    limits = {
        "perturbations": asked.perturbations,
        "necessity": asked.necessity,
        "largest": asked.largest_answer,
    }
    return [
        plan.job(
            "certify",
            job.shard,
            "certify_shard",
            candidates=marker.shards[0],
            limits=limits,
            adapters=adapters_of(plan),
        )
        for job, marker in done["compose"]
    ]


def _duplicates(plan: "Plan", done: Done) -> list[Job]:
    written = pipelines_of(plan)
    groups = [
        (
            group.template_cap,
            group.source in (*written, *kept_of(plan)),
            [(horizon_of(job), marker.shards[0]) for job, marker in done["certify"] if group_of(job) == group.name],
        )
        for group in plan.recipe.compose
    ]
    return [plan.job("duplicates", "decisions", "find_duplicates", groups=groups, near=plan.recipe.duplicates.near)]


def publishing(plan: "Plan", done: Done) -> list[Job]:
    """The jobs of stage `shards` for composed rows."""
    decisions = done["duplicates"][0][1].shards[0]
    groups = {group.name: group for group in plan.recipe.compose}
    jobs = []
    for job, marker in done["certify"]:
        group, horizon = groups[group_of(job)], horizon_of(job)
        rows = group.rows[horizon]
        jobs.append(
            plan.job(
                "shards",
                job.shard,
                "publish_shard",
                certified=marker.shards[0],
                decisions=decisions,
                quotas=(
                    {ANY_TOPIC: rows}
                    if group.source in (*pipelines_of(plan), *kept_of(plan))
                    else {" / ".join(leaf.path): leaf.quota for leaf in plan.leaves(group, horizon)}
                ),
                test=-(-1000 * group.test // rows),
                uses=uses_of(group, horizon),
                provenance=plan.provenance,
            )
        )
    return jobs


def band_rates(band: BandSection) -> dict[str, float]:
    """The pass rate of each source that the band's student was measured on.

    Raises:
        RecipeError: There is none.
    """
    rates = read_pass_rates(band.pass_rates)
    found = {
        key: tally.rate
        for key in rates.keys_of("source")
        if (tally := rates.tally(key, band.student)).decided >= band.least and tally.rate is not None
    }
    if not found:
        known = ", ".join(rates.models) or "none"
        raise RecipeError(
            f"band: {band.pass_rates} holds no pass rates of sources for model {band.student!r} over {band.least} attempts or"
            f" more (models there: {known}); solve plain rows of the same sources with it first, and name that run"
        )
    return found


JOBS = {"atoms": _atoms, "compose": _compose, "certify": _certify, "duplicates": _duplicates}
"""The jobs of each stage, given the finished ones before it."""


def pipelines_of(plan: "Plan") -> tuple[str, ...]:
    """The pipelines whose accepted rows are composed, each once."""
    names = {line.name for line in plan.recipe.pipeline}
    return tuple(dict.fromkeys(group.source for group in plan.recipe.compose if group.source in names))


def adapters_of(plan: "Plan") -> list[str]:
    """The files that register adapters of one's own, as absolute paths.

    Raises:
        RecipeError: `TRUST` does not name one of them: a recipe alone must not make Python code run.
    """
    paths = {str(Path(group.adapters).absolute()) for group in plan.recipe.compose if group.adapters is not None}
    trusted = {str(Path(path).absolute()) for path in os.environ.get(TRUST, "").split(os.pathsep) if path}
    for path in sorted(paths - trusted):
        raise RecipeError(
            f"compose.adapters {path}: Python code that a recipe asks for is run only where you say so; read the file, then"
            f" set the environment variable {TRUST} to its path"
        )
    return sorted(paths)


def _text_of(path: str) -> str:
    try:
        return content_id(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error}); compose.adapters names a Python file") from error


def _written(plan: "Plan", name: str, done: Done) -> str:
    """The shard of a pipeline's atoms."""
    return f"{name}{_content(*(shard for shard, _ in plan.accepted(name, done)))}"


def _content(*shards: Shard) -> str:
    """Ends the name of a shard made of these, which change when failed rows are retried."""
    return f"x{content_id(*(shard.blake2b for shard in shards))[:8]}"


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
    """The path, URL, hub id or address of a data set."""
    return source.place


def kept_of(plan: "Plan") -> tuple[str, ...]:
    """The data sets whose rows are kept as they stand; their rows have topics of their own and count together."""
    return tuple(source.name for source in plan.recipe.datasets if source.layout is not None)
