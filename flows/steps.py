"""The steps of a pipeline, made of its recipe section and the models it names. Adding a step: its module, its section, a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from types import ModuleType
from typing import Any

from catena.asking import Model
from catena.engines.base import JsonSchema
from catena.flows.recipe_pipelines import (
    AskStep,
    CheckAnswersStep,
    CheckFormStep,
    CheckProgramStep,
    CorrectAttemptsStep,
    FindEssentialStep,
    JudgeProblemStep,
    PanelStep,
    Pipeline,
    RemovePremiseStep,
    RewriteStep,
    SolveStep,
    VaryProblemStep,
    WriteHintsStep,
    WriteProblemStep,
    WriteProgramProblemStep,
)
from catena.flows.rewriting import CheckedRewrite
from catena.generators import (
    columns,
    corrections,
    essential_model,
    hints,
    problems,
    program_problems,
    rewriting,
    styles,
    trajectories,
    twins,
    variants,
)
from catena.generators.program_trials import Trials
from catena.prompts import Prompt
from catena.replies import json_reader
from catena.streaming import Step
from catena.validators import checks, correctness, panel, panel_questions, panel_steps, program_agreement, validity
from catena.validators import rewriting as validators_rewriting
from catena.validators.triage import Limits

Models = Mapping[str, Model]


def _write_problem(section: WriteProblemStep, models: Models, name: str) -> Step:
    return problems.WriteProblem(models[section.model], section.level, _prompt(section), name, section.kinds)


def _write_program_problem(section: WriteProgramProblemStep, models: Models, name: str) -> Step:
    return program_problems.WriteProgramProblem(
        models[section.model], section.level, _prompt(section), Trials(section.draws), name
    )


def _check_program(section: CheckProgramStep, models: Models, name: str) -> Step:
    asked = tuple(models[model] for model in section.models)
    return program_agreement.CheckProgram(asked, section.draws, section.agree, section.least, name)


def _vary_problem(section: VaryProblemStep, models: Models, name: str) -> Step:
    return variants.VaryProblem(models[section.model], section.level, _prompt(section), name)


def _remove_premise(section: RemovePremiseStep, models: Models, name: str) -> Step:
    return twins.RemovePremise(models[section.model], _prompt(section), section.train_abstention, name)


def _write_hints(section: WriteHintsStep, models: Models, name: str) -> Step:
    return hints.WriteHints(models[section.model], _prompt(section), section.required, name)


def _correct_attempts(section: CorrectAttemptsStep, models: Models, name: str) -> Step:
    return corrections.CorrectAttempts(models[section.model], _prompt(section), section.at_most, name=name)


def _rewrite(section: RewriteStep, models: Models, name: str) -> Step:
    solvers = tuple(models[model] for model in section.solvers)
    blind = validators_rewriting.SolveBlind(solvers, section.agree, name) if solvers else None
    return CheckedRewrite(rewriting.Rewrite(models[section.model], _prompt(section), name), blind, name)


def _find_essential(section: FindEssentialStep, models: Models, name: str) -> Step:
    return essential_model.FindEssential(models[section.model], _prompt(section), section.at_most, name)


def _check_form(section: CheckFormStep, models: Models, name: str) -> Step:
    return checks.CheckForm(section.injection, section.language, name)


def _judge_problem(section: JudgeProblemStep, models: Models, name: str) -> Step:
    asked = tuple(models[model] for model in section.models)
    return validity.JudgeProblem(asked, section.quorum or len(asked), _prompt(section), name)


def _solve(section: SolveStep, models: Models, name: str) -> Step:
    asked = tuple(models[model] for model in section.models)
    return trajectories.Solve(asked, section.samples, name, section.style, section.languages, section.budget)


def _check_answers(section: CheckAnswersStep, models: Models, name: str) -> Step:
    judge = None if section.judge is None else models[section.judge]
    return correctness.CheckAnswers(judge, _prompt(section), name)


def _panel(section: PanelStep, models: Models, name: str) -> Step:
    return panel.Panel(
        tuple(models[model] for model in section.validity),
        tuple(models[model] for model in section.solvers),
        section.samples,
        None if section.judge is None else models[section.judge],
        None if section.step_check is None else models[section.step_check],
        Limits(
            sqrt(section.sure),  # of either claim that makes a row accepted
            section.hard_below,
            section.well_posed,
            section.key_right,
            solvers_heard=section.hear,
        ),
        section.everything,
        name=name,
    )


def _ask(section: AskStep, models: Models, name: str) -> Step:
    schema, read = section.json_schema, None
    if schema is not None:
        read = json_reader(schema)
    keep = None if section.keep is None else (section.keep.column, section.keep.equals)
    given = None if schema is None else JsonSchema(section.name, schema)
    return columns.Ask(name, models[section.model], _prompt(section), read, given, keep, section.system)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of step: how it is made, the module that ships its prompt with the prompt's name, and the schema of replies."""

    make: Callable[[Any, Models, str], Step]
    shipped: tuple[ModuleType, str] | None = None
    schema: JsonSchema | None = None


_KINDS: dict[type[Any], _Kind] = {
    WriteProblemStep: _Kind(_write_problem, (problems, "write-problem"), problems.SCHEMA),
    WriteProgramProblemStep: _Kind(
        _write_program_problem, (program_problems, "write-program-problem"), program_problems.SCHEMA
    ),
    CheckProgramStep: _Kind(_check_program),
    VaryProblemStep: _Kind(_vary_problem, (variants, "vary-problem"), variants.SCHEMA),
    RemovePremiseStep: _Kind(_remove_premise, (twins, "remove-premise"), twins.SCHEMA),
    WriteHintsStep: _Kind(_write_hints, (hints, "write-hints"), hints.SCHEMA),
    CorrectAttemptsStep: _Kind(_correct_attempts, (corrections, "correct-attempt")),
    FindEssentialStep: _Kind(_find_essential, (essential_model, "find-essential"), essential_model.SCHEMA),
    CheckFormStep: _Kind(_check_form),
    RewriteStep: _Kind(_rewrite, (rewriting, "rewrite"), rewriting.SCHEMA),
    JudgeProblemStep: _Kind(_judge_problem, (validity, "judge-problem"), validity.SCHEMA),
    SolveStep: _Kind(_solve),
    CheckAnswersStep: _Kind(_check_answers, (correctness, "match-answer"), correctness.SCHEMA),
    PanelStep: _Kind(_panel),
    AskStep: _Kind(_ask),
}


def make_steps(line: Pipeline, models: Models) -> list[Step]:
    """The steps of a pipeline, in order.

    Raises:
        RecipeError: A prompt is no template or a schema no JSON schema.
    """
    names = line.step_names()
    return [_KINDS[type(section)].make(section, models, name) for section, name in zip(line.steps, names, strict=True)]


def prompt_versions(line: Pipeline) -> dict[str, str]:
    """The version of each step's prompt, by step; steps without one are left out."""
    sections = zip(line.step_names(), line.steps, strict=True)
    return {name: version for name, section in sections if (version := _version(section))}


def _version(section: Any) -> str:
    if isinstance(section, SolveStep):
        return styles.version(section.style, section.languages, section.budget)
    if isinstance(section, PanelStep):
        return "/".join(prompt.version for prompt in panel.PROMPTS)
    return _prompt(section).version if hasattr(section, "prompt") else ""


def schema_of_step(section: Any, model: str = "") -> JsonSchema | None:
    """The schema that a step's replies by `model` must satisfy, None for free text."""
    if isinstance(section, PanelStep):
        asked = [(section.validity, panel_questions.VALIDITY), ((section.judge,), correctness.SCHEMA)]
        asked.append(((section.step_check,), panel_steps.STEPS))
        return next((schema for models, schema in asked if model in models), None)
    if isinstance(section, AskStep):
        return None if section.json_schema is None else JsonSchema(section.name, section.json_schema)
    if isinstance(section, RewriteStep) and model in section.solvers:
        return None
    return _KINDS[type(section)].schema


def _prompt(section: Any) -> Prompt:
    """The prompt that a step uses: the recipe's own, or the shipped one."""
    if section.prompt is not None:
        return Prompt(section.prompt, name=getattr(section, "name", section.do))
    shipped = _KINDS[type(section)].shipped
    assert shipped is not None  # a section without a shipped prompt demands one of its own
    module, name = shipped
    return Prompt.shipped(str(module.__file__), name)
