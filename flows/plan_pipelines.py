"""The shard jobs of pipelines: the rows they begin with, their shards through the steps, and what is published."""

from typing import TYPE_CHECKING, Any

from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.plan_compose import place_of
from catena.flows.plan_rounds import round_jobs
from catena.flows.plan_taxonomy import tree_of_run
from catena.flows.recipe import DatasetSource
from catena.flows.recipe_pipelines import Pipeline
from catena.flows.run_folder import Marker
from catena.flows.steps import prompt_versions
from catena.generators.atoms.catalog import families
from catena.records import Topic
from catena.storage import Store
from catena.taxonomy.quotas import leaves_of
from catena.taxonomy.tree import Tree

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Done = dict[str, list[tuple[Job, Marker]]]
_LEAST_LEVELS = 3


def stages_of(line: Pipeline) -> tuple[str, str]:
    """The names of a pipeline's two stages: its rows (none where candidates come in rounds), and their way through the steps."""
    return f"rows-{line.name}", f"pipeline-{line.name}"


def line_of(plan: "Plan", stage: str) -> Pipeline | None:
    """The pipeline whose steps `stage` does; None for other stages."""
    return next((line for line in plan.recipe.pipeline if stages_of(line)[1] == stage), None)


def settings(plan: "Plan", line: Pipeline) -> dict[str, dict[str, Any]]:
    """What the two stages of a pipeline depend on beside their parents.

    How a model is reached (URLs, key, concurrency, deadlines) and what it costs changes no row, so it is left out.
    """
    rows, work = stages_of(line)
    base: dict[str, Any] = {"rows": line.rows, "source": line.source, "shard_rows": plan.recipe.shard_rows}
    if line.source == "topics":
        if plan.recipe.tree is None and plan.recipe.grow is None:
            base["topics"] = [[topic.path, topic.quota] for topic in leaves(plan, line, None)]
        else:
            base["topics"] = [line.topics, [one.model_dump(mode="json") for one in plan.recipe.taxonomy]]
    else:
        source = dataset_of(plan, line)
        base["dataset"] = [plan.fingerprints[line.source], source.format, source.question, source.answer]
    steps = {
        name: step.model_dump(mode="json", by_alias=True)
        for name, step in zip(line.step_names(), line.steps, strict=True)
    }
    asked = sorted({model for step in line.steps for model in step.asks()})
    models = {
        name: plan.recipe.models[name].model_dump(mode="json", include={"model", "engine", "revision", "sampling"})
        for name in asked
    }
    return {
        rows: base,
        work: {
            **({} if line.candidates is None else {**base, "candidates": line.candidates}),
            "steps": steps,
            "models": models,
            "prompts": prompt_versions(line),
            "tries": line.tries,
        },
    }


def leaves(plan: "Plan", line: Pipeline, tree: Tree | None) -> list[Topic]:
    """The topics of a pipeline that draws on topics, with the rows wanted of each.

    They are leaves of `tree`; without one, the topics of the families of atoms. A path of at least three levels below which
    none of these lies is a topic itself.
    """
    branches = [(path, 1.0) for path in line.topics] or [(one.path, one.share) for one in plan.recipe.taxonomy]
    if tree is None:
        offered = {family.topic for family in families().values()}
    else:
        offered = {topic.path for topic in tree.leaves if len(topic.path) >= _LEAST_LEVELS}
        branches = branches or [((root.path), 1.0) for root in tree.children.get((), ())]
    own = {
        path
        for path, _ in branches
        if len(path) >= _LEAST_LEVELS and not any(topic[: len(path)] == path for topic in offered)
    }
    try:
        return leaves_of(branches, offered | own, line.rows or 0)
    except ValueError as error:
        raise RecipeError(f"recipe {plan.recipe.name!r}, pipeline {line.name!r}: {error}") from error


def jobs(plan: "Plan", stage: str, done: Done) -> list[Job]:
    """The shard jobs of one of a pipeline's stages."""
    line = next(line for line in plan.recipe.pipeline if stage in stages_of(line))
    rows, work = stages_of(line)
    if line.candidates is not None:
        topics = leaves(plan, line, tree_of_run(plan, Store(plan.url), done))
        return round_jobs(plan, line, work, topics, done.get(work, []))
    size = plan.recipe.shard_rows
    if stage == work:
        shards = [shard for _, marker in done[rows] for shard in marker.shards if "/rejected/" not in shard.path]
        return [
            plan.job(work, f"{line.name}-{number:05d}", "pipeline_shard", drafts=shard)
            for number, shard in enumerate(shards)
        ]
    if line.source == "topics":
        tree = tree_of_run(plan, Store(plan.url), done)
        quotas = [(topic.path, topic.quota) for topic in leaves(plan, line, tree)]
        return [plan.job(rows, line.name, "topic_drafts", name=line.name, quotas=quotas, size=size)]
    source = dataset_of(plan, line)
    return [
        plan.job(
            rows,
            line.name,
            "dataset_drafts",
            name=line.name,
            source=place_of(source),
            split=source.split,
            layout=source.model_dump(mode="json", include={"format", "question", "answer"}),
            rows=line.rows,
            size=size,
        )
    ]


def publishing(plan: "Plan", line: Pipeline, done: Done) -> list[Job]:
    """The jobs of stage `shards` for a pipeline's rows."""
    _, work = stages_of(line)
    provenance = {**plan.provenance, "pipeline": line.name, "prompts": prompt_versions(line)}
    return [
        plan.job("shards", job.shard, "publish_drafts", drafts=marker.shards[0], test=line.test, provenance=provenance)
        for job, marker in done[work]
    ]


def dataset_of(plan: "Plan", line: Pipeline) -> DatasetSource:
    """The data set that a pipeline draws on."""
    return next(source for source in plan.recipe.datasets if source.name == line.source)
