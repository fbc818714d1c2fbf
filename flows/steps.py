"""The steps of a pipeline, made of its recipe section and the models it names. Adding a step: its module, its section, a line here."""

from collections.abc import Callable, Mapping
from typing import Any

from catena.asking import Model
from catena.engines.base import JsonSchema
from catena.flows.recipe_pipelines import (
    AskStep,
    CheckAnswersStep,
    JudgeProblemStep,
    Pipeline,
    SolveStep,
    WriteProblemStep,
)
from catena.generators import columns, problems, trajectories
from catena.prompts import Prompt
from catena.replies import json_reader
from catena.streaming import Step
from catena.validators import correctness, validity

Models = Mapping[str, Model]


def _write_problem(section: WriteProblemStep, models: Models, name: str) -> Step:
    return problems.WriteProblem(models[section.model], section.level, _prompt(section), name)


def _judge_problem(section: JudgeProblemStep, models: Models, name: str) -> Step:
    asked = tuple(models[model] for model in section.models)
    return validity.JudgeProblem(asked, section.quorum or len(asked), _prompt(section), name)


def _solve(section: SolveStep, models: Models, name: str) -> Step:
    return trajectories.Solve(tuple(models[model] for model in section.models), section.samples, name)


def _check_answers(section: CheckAnswersStep, models: Models, name: str) -> Step:
    judge = None if section.judge is None else models[section.judge]
    return correctness.CheckAnswers(judge, _prompt(section), name)


def _ask(section: AskStep, models: Models, name: str) -> Step:
    schema, read = section.json_schema, None
    if schema is not None:
        read = json_reader(schema)
    keep = None if section.keep is None else (section.keep.column, section.keep.equals)
    given = None if schema is None else JsonSchema(section.name, schema)
    return columns.Ask(name, models[section.model], _prompt(section), read, given, keep, section.system)


_MAKERS: dict[type[Any], Callable[[Any, Models, str], Step]] = {
    WriteProblemStep: _write_problem,
    JudgeProblemStep: _judge_problem,
    SolveStep: _solve,
    CheckAnswersStep: _check_answers,
    AskStep: _ask,
}
_SHIPPED: dict[type[Any], tuple[str, str]] = {
    WriteProblemStep: (problems.__file__, "write-problem"),
    JudgeProblemStep: (validity.__file__, "judge-problem"),
    CheckAnswersStep: (correctness.__file__, "match-answer"),
}
_SCHEMAS: dict[type[Any], JsonSchema] = {
    WriteProblemStep: problems.SCHEMA,
    JudgeProblemStep: validity.SCHEMA,
    CheckAnswersStep: correctness.SCHEMA,
}


def make_steps(line: Pipeline, models: Models) -> list[Step]:
    """The steps of a pipeline, in order.

    Raises:
        RecipeError: A prompt is no template or a schema no JSON schema.
    """
    names = line.step_names()
    return [_MAKERS[type(section)](section, models, name) for section, name in zip(line.steps, names, strict=True)]


def prompt_versions(line: Pipeline) -> dict[str, str]:
    """The version of each step's prompt, by step; steps without one are left out."""
    sections = zip(line.step_names(), line.steps, strict=True)
    return {name: _prompt(section).version for name, section in sections if hasattr(section, "prompt")}


def schema_of_step(section: Any) -> JsonSchema | None:
    """The schema that a step's replies must satisfy, None for free text."""
    if isinstance(section, AskStep):
        return None if section.json_schema is None else JsonSchema(section.name, section.json_schema)
    return _SCHEMAS.get(type(section))


def _prompt(section: Any) -> Prompt:
    """The prompt that a step uses: the recipe's own, or the shipped one."""
    if section.prompt is not None:
        return Prompt(section.prompt, name=getattr(section, "name", section.do))
    return Prompt.shipped(*_SHIPPED[type(section)])
