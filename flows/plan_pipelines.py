"""The shard jobs of pipelines: the rows they begin with, their shards through the steps, and what is published."""

from typing import TYPE_CHECKING, Any

from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.plan_compose import place_of
from catena.flows.plan_panel import told
from catena.flows.plan_rounds import allowances, round_jobs
from catena.flows.plan_taxonomy import tree_of_run
from catena.flows.recipe import DatasetSource
from catena.flows.recipe_pipelines import Pipeline
from catena.flows.run_folder import Marker
from catena.flows.steps import prompt_versions
from catena.generators.atoms.catalog import families
from catena.records import Topic, content_id
from catena.shards import Shard
from catena.storage import Store
from catena.taxonomy.quotas import leaves_of
from catena.taxonomy.tree import Tree

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Done = dict[str, list[tuple[Job, Marker]]]
_LEAST_LEVELS = 3


def stages_of(line: Pipeline) -> tuple[str, str]:
    """The names of a pipeline's two stages: its rows (none where candidates come in rounds), and their way through the steps."""
    return f"{'variants' if line.operators else 'rows'}-{line.name}", f"pipeline-{line.name}"


def line_of(plan: "Plan", stage: str) -> Pipeline | None:
    """The pipeline whose steps `stage` does; None for other stages."""
    return next((line for line in plan.recipe.pipeline if stages_of(line)[1] == stage), None)


def source_of(plan: "Plan", line: Pipeline) -> Pipeline | None:
    """The earlier pipeline whose accepted rows a pipeline takes; None where it takes others."""
    return next((other for other in plan.recipe.pipeline if other.name == line.source), None)


def above(plan: "Plan", line: Pipeline) -> tuple[str, ...]:
    """The stages that the rows of a pipeline come from."""
    source = source_of(plan, line)
    if source is not None:
        return (stages_of(source)[1],)
    return ("taxonomy",) if line.source == "topics" else ()


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
            if line.subject_cap < 1:
                base["subject_cap"] = line.subject_cap
    elif source_of(plan, line) is not None:
        base["operators"] = line.operators
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
            **({"unique": line.unique, "against": _against(plan, line)} if line.settles else {}),
        },
    }


def _against(plan: "Plan", line: Pipeline) -> list[list[str]]:
    named = {source.name: source for source in plan.recipe.datasets}
    return [[name, plan.fingerprints[name], named[name].question] for name in line.against]


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
        return leaves_of(branches, offered | own, line.rows or 0, subject_cap=line.subject_cap)
    except ValueError as error:
        raise RecipeError(f"recipe {plan.recipe.name!r}, pipeline {line.name!r}: {error}") from error


def jobs(plan: "Plan", stage: str, done: Done) -> list[Job]:
    """The shard jobs of one of a pipeline's stages."""
    line = next(line for line in plan.recipe.pipeline if stage in stages_of(line))
    rows, work = stages_of(line)
    if line.candidates is not None:
        topics = leaves(plan, line, tree_of_run(plan, Store(plan.url), done))
        return told(round_jobs(plan, line, work, topics, done.get(work, [])), plan, line, done)
    size = plan.recipe.shard_rows
    source = source_of(plan, line)
    if stage == work:
        return told(_work(plan, line, work, done), plan, line, done)
    if source is not None:
        taken = accepted(plan, source, done)
        return [
            plan.job(
                rows,
                f"{line.name}x{content_id(*(shard.blake2b for shard, _ in taken))[:8]}",
                "derived_drafts",
                name=line.name,
                taken=taken,
                operators=line.operators,
                rows=line.rows,
                seed=plan.recipe.seed,
                size=size,
            )
        ]
    if line.source == "topics":
        tree = tree_of_run(plan, Store(plan.url), done)
        quotas = [(topic.path, topic.quota) for topic in leaves(plan, line, tree)]
        return [plan.job(rows, line.name, "topic_drafts", name=line.name, quotas=quotas, size=size)]
    dataset = dataset_of(plan, line)
    if dataset.format == "composed":
        given = {"name": line.name, "source": place_of(dataset), "rows": line.rows, "size": size}
        return [plan.job(rows, line.name, "composed_drafts", **given)]
    return [
        plan.job(
            rows,
            line.name,
            "dataset_drafts",
            name=line.name,
            source=place_of(dataset),
            split=dataset.split,
            layout=dataset.model_dump(mode="json", include={"format", "question", "answer", "config"}),
            rows=line.rows,
            size=size,
        )
    ]


def _work(plan: "Plan", line: Pipeline, work: str, done: Done) -> list[Job]:
    """The shards of rows through the steps. Those of rows that an earlier pipeline gave are named after their content, which
    changes when failed rows are retried there."""
    rows, _ = stages_of(line)
    source = source_of(plan, line)
    known = [shard for shard, _ in accepted(plan, source, done)] if source is not None and line.operators else []
    found: list[Job] = []
    for number, shard in enumerate(
        shard for _, marker in done[rows] for shard in marker.shards if "/rejected/" not in shard.path
    ):
        name = f"{line.name}-{number:05d}" + ("" if source is None else f"x{shard.blake2b[:8]}")
        before = [job.shard for job in found] if line.unique else []
        found.append(plan.job(work, name, "pipeline_shard", drafts=shard, before=before, known=known))
    return found


def accepted(plan: "Plan", line: Pipeline, done: Done) -> list[tuple[Shard, Any]]:
    """The shards of a pipeline's accepted rows, each with how many count per topic (None: all)."""
    _, work = stages_of(line)
    allowed: list[Any] = [None] * len(done[work])
    if line.candidates is not None:
        topics = leaves(plan, line, tree_of_run(plan, Store(plan.url), done))
        allowed = list(allowances(topics, [marker for _, marker in done[work]]))
    return [(marker.shards[0], most) for (_, marker), most in zip(done[work], allowed, strict=True)]


def publishing(plan: "Plan", line: Pipeline, done: Done) -> list[Job]:
    """The jobs of stage `shards` for a pipeline's rows."""
    _, work = stages_of(line)
    tree = tree_of_run(plan, Store(plan.url), done) if _on_topics(plan, line) else None
    named = {} if tree is None else {"tree": tree.identity}
    provenance = {**plan.provenance, **named, "pipeline": line.name, "prompts": _all_prompts(plan, line)}
    return [
        plan.job(
            "shards", job.shard, "publish_drafts", drafts=shard, test=line.test, provenance=provenance, allowed=most
        )
        for (job, _), (shard, most) in zip(done[work], accepted(plan, line, done), strict=True)
    ]


def _on_topics(plan: "Plan", line: Pipeline) -> bool:
    """Whether a pipeline's rows were written for topics, here or in an earlier pipeline."""
    source = source_of(plan, line)
    return line.source == "topics" or (source is not None and _on_topics(plan, source))


def _all_prompts(plan: "Plan", line: Pipeline) -> dict[str, str]:
    """Versions of all prompts that a pipeline's rows went through, earlier pipelines first."""
    source = source_of(plan, line)
    return {**(_all_prompts(plan, source) if source is not None else {}), **prompt_versions(line)}


def dataset_of(plan: "Plan", line: Pipeline) -> DatasetSource:
    """The data set that a pipeline draws on."""
    return next(source for source in plan.recipe.datasets if source.name == line.source)
