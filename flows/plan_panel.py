"""The stages of panels: rows with known truth go through a panel's questions before the rows of its pipeline do.

Stage `planted-<pipeline>` measures the voters, `reviewed-<pipeline>` takes what people decided about doubtful rows of an earlier
run in the same folder. What they found goes into the jobs of `pipeline-<pipeline>` as arguments, so that a run taken up again
asks what it would have asked.
"""

import re
from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.plan_compose import place_of
from catena.flows.recipe import DatasetSource
from catena.flows.recipe_pipelines import (
    PanelStep,
    Pipeline,
    VaryProblemStep,
    WriteProblemStep,
    WriteProgramProblemStep,
)
from catena.flows.reviewing import decisions_of
from catena.flows.run_folder import Marker
from catena.flows.steps import prompt_versions
from catena.taxonomy.opening import open_tree

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Done = dict[str, list[tuple[Job, Marker]]]
PREFIX, REVIEWED = "planted-", "reviewed-"
WORK = "planted_shard"
LEAST = 30
"""Planted rows at least: ten of each kind."""
_FAMILY = re.compile(r"[a-z]+")
_WRITING = (WriteProblemStep, WriteProgramProblemStep, VaryProblemStep)


def stage_of(line: Pipeline) -> str | None:
    """The stage that measures a pipeline's panel; None where none does."""
    return f"{PREFIX}{line.name}" if line.panel is not None and line.panel.planted > 0 else None


def parents(plan: "Plan", line: Pipeline, work: str, above: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The stage `work` with the stages `above` that its rows come from, and those that measure its panel before it."""
    planting, reviewing = stage_of(line), review_stage(plan, line)
    before = {} if planting is None else {planting: above}
    before |= {} if reviewing is None else {reviewing: ()}
    return {**before, work: (*above, *before)}


def review_stage(plan: "Plan", line: Pipeline) -> str | None:
    """The stage that takes people's decisions on a pipeline's rows; None where there are none."""
    return f"{REVIEWED}{line.name}" if line.name in plan.reviewed else None


def settings(plan: "Plan", line: Pipeline) -> dict[str, dict[str, Any]]:
    """What the stage depends on beside its parents."""
    stage, panel, reviewing = stage_of(line), line.panel, review_stage(plan, line)
    found: dict[str, dict[str, Any]] = {}
    if reviewing is not None:
        base, decided = plan.reviewed[line.name]
        found[reviewing] = {"votes": base, "decisions": dict(enumerate(decisions_of(decided)))}
    if stage is None or panel is None:
        return found
    models = {
        name: plan.recipe.models[name].model_dump(mode="json", include={"model", "engine", "revision", "sampling"})
        for name in sorted(panel.asks())
    }
    asked = panel.model_dump(
        mode="json", include={"validity", "solvers", "samples", "judge", "planted", "planted_from"}
    )
    if panel.step_check is not None:
        asked["step_check"] = panel.step_check
    prompts = prompt_versions(line)[f"{line.name}/{panel.do}"]
    source = _golds(plan, panel)
    golds = None if source is None else [plan.fingerprints[source.name], source.format, source.question, source.answer]
    rows = {"rows": line.rows, "subjects": subjects_of(plan, line), "shard_rows": plan.recipe.shard_rows}
    return found | {
        stage: {"panel": asked, "models": models, "prompts": prompts, "tries": line.tries, "golds": golds, **rows}
    }


def jobs(plan: "Plan", stage: str, done: Done) -> list[Job]:
    """The shard jobs of a panel's planted rows."""
    line = next(line for line in plan.recipe.pipeline if stage_of(line) == stage)
    assert line.panel is not None
    above = plan.parents[stage][0]
    rows = (line.rows or 0) if above == "taxonomy" else sum(marker.rows_out for _, marker in done[above])
    number, size = number_of(line.panel, rows), plan.recipe.shard_rows
    given = items_of(plan, line)
    return [
        plan.job(stage, f"{line.name}-{start // size:05d}", WORK, start=start, stop=min(start + size, number), **given)
        for start in range(0, number, size)
    ]


def review_jobs(plan: "Plan", stage: str) -> list[Job]:
    """The one job that takes people's decisions on a pipeline's rows."""
    name = stage.removeprefix(REVIEWED)
    base, decided = plan.reviewed[name]
    return [plan.job(stage, name, "reviewed_shard", base=base, decisions=decisions_of(decided))]


def number_of(panel: PanelStep, rows: int) -> int:
    """How many rows are planted beside so many."""
    return max(LEAST, ceil(panel.planted * rows)) if panel.planted > 0 and rows else 0


def items_of(plan: "Plan", line: Pipeline) -> dict[str, Any]:
    """What planted rows are made of: arguments of `catena.flows.panelling.planted_drafts`."""
    assert line.panel is not None
    source = _golds(plan, line.panel)
    golds = None
    if source is not None:
        layout = source.model_dump(mode="json", include={"format", "question", "answer"})
        golds = {"source": place_of(source), "split": source.split, "layout": layout}
    return {"name": line.name, "seed": plan.recipe.seed, "subjects": subjects_of(plan, line), "golds": golds}


def told(jobs: list[Job], plan: "Plan", line: Pipeline, done: Done) -> list[Job]:
    """The jobs of a pipeline, with what planted rows and people's decisions have shown about its panel."""
    for name, stage in (("measured", stage_of(line)), ("reviewed", review_stage(plan, line))):
        if stage is not None:
            facts = [one for _, marker in done[stage] for one in marker.facts["tallies"]]
            for job in jobs:
                job.given[name] = facts
    return jobs


def subjects_of(plan: "Plan", line: Pipeline) -> list[str]:
    """The subjects that a pipeline's rows are on, as far as the recipe says; empty where it does not."""
    recipe = plan.recipe
    source = next((other for other in recipe.pipeline if other.name == line.source), None)
    if source is not None and not line.topics:
        return subjects_of(plan, source)
    if line.source != "topics":
        return []
    named = [path[0] for path in line.topics] or [branch.path[0] for branch in recipe.taxonomy]
    if not named and recipe.grow is not None:
        named = list(recipe.grow.subjects)
    tree = recipe.tree or (recipe.grow.seed if recipe.grow is not None else None)
    if not named and tree is not None:
        named = [topic.path[0] for topic in open_tree(tree).children.get((), ())]
    return sorted(set(named))


def check(plan: "Plan") -> None:
    """Refuses panels in which the writer of the problems votes, of too few families, or whose planted rows come from nowhere.

    Families are told by the model's id. Those of one family tend to be wrong together.

    Raises:
        RecipeError: One is so and does not say `allow_writer` or a lower `families`.
    """
    for line, panel in _panels(plan):
        own = writers_of(plan, line)
        for name in (*panel.validity, *panel.solvers):
            model = plan.recipe.models[name].model
            if model in own and not panel.allow_writer:
                raise RecipeError(
                    f"pipeline {line.name!r}, step 'panel': {name} ({model}) wrote the problems that it would vote on; name"
                    " another model, or set allow_writer = true"
                )
        _check_families(plan, line, panel, own)
        if panel.planted_from is not None and _golds(plan, panel) is None:
            raise RecipeError(
                f"pipeline {line.name!r}, step 'panel': no data set {panel.planted_from!r} to plant rows from; add it to"
                " [[datasets]]"
            )


def _check_families(plan: "Plan", line: Pipeline, panel: PanelStep, writers: set[str]) -> None:
    own = set(map(family_of, writers))
    voters = {family_of(plan.recipe.models[name].model) for name in (*panel.validity, *panel.solvers)}
    if len(voters - own) < panel.families:
        beside = f" beside the writer's ({', '.join(sorted(own))})" if own else ""
        raise RecipeError(
            f"pipeline {line.name!r}, step 'panel': voters of at least {panel.families} model families{beside} are wanted, found"
            f" {', '.join(sorted(voters - own)) or 'none'}; name other models, or set families lower"
        )


def writers_of(plan: "Plan", line: Pipeline) -> set[str]:
    """The ids of the models that wrote a pipeline's problems, here or in the pipelines before it."""
    own = {plan.recipe.models[step.model].model for step in line.steps if isinstance(step, _WRITING)}
    source = next((other for other in plan.recipe.pipeline if other.name == line.source), None)
    return own | (writers_of(plan, source) if source is not None else set())


def family_of(model: str) -> str:
    """The family of a model by its id: `Qwen/Qwen3-8B` is of `qwen`."""
    name = model.rstrip("/").rpartition("/")[2].casefold()
    letters = _FAMILY.match(name)
    return letters[0] if letters is not None else name


def _panels(plan: "Plan") -> Iterator[tuple[Pipeline, PanelStep]]:
    return ((line, line.panel) for line in plan.recipe.pipeline if line.panel is not None)


def _golds(plan: "Plan", panel: PanelStep) -> DatasetSource | None:
    sources: Sequence[DatasetSource] = plan.recipe.datasets
    return next((source for source in sources if source.name == panel.planted_from), None)
