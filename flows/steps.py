"""The steps of a pipeline, made of its recipe section and the models it names. Adding a step: its module, its section, a line here."""

from collections.abc import Callable, Mapping
from math import sqrt
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


_MAKERS: dict[type[Any], Callable[[Any, Models, str], Step]] = {
    WriteProblemStep: _write_problem,
    WriteProgramProblemStep: _write_program_problem,
    CheckProgramStep: _check_program,
    VaryProblemStep: _vary_problem,
    RemovePremiseStep: _remove_premise,
    WriteHintsStep: _write_hints,
    CorrectAttemptsStep: _correct_attempts,
    FindEssentialStep: _find_essential,
    CheckFormStep: _check_form,
    RewriteStep: _rewrite,
    JudgeProblemStep: _judge_problem,
    SolveStep: _solve,
    CheckAnswersStep: _check_answers,
    PanelStep: _panel,
    AskStep: _ask,
}
_SHIPPED: dict[type[Any], tuple[str, str]] = {
    WriteProblemStep: (problems.__file__, "write-problem"),
    WriteProgramProblemStep: (program_problems.__file__, "write-program-problem"),
    VaryProblemStep: (variants.__file__, "vary-problem"),
    RemovePremiseStep: (twins.__file__, "remove-premise"),
    WriteHintsStep: (hints.__file__, "write-hints"),
    RewriteStep: (rewriting.__file__, "rewrite"),
    CorrectAttemptsStep: (corrections.__file__, "correct-attempt"),
    FindEssentialStep: (essential_model.__file__, "find-essential"),
    JudgeProblemStep: (validity.__file__, "judge-problem"),
    CheckAnswersStep: (correctness.__file__, "match-answer"),
}
_SCHEMAS: dict[type[Any], JsonSchema] = {
    WriteProblemStep: problems.SCHEMA,
    WriteProgramProblemStep: program_problems.SCHEMA,
    VaryProblemStep: variants.SCHEMA,
    RemovePremiseStep: twins.SCHEMA,
    WriteHintsStep: hints.SCHEMA,
    FindEssentialStep: essential_model.SCHEMA,
    RewriteStep: rewriting.SCHEMA,
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
    return _SCHEMAS.get(type(section))


def _prompt(section: Any) -> Prompt:
    """The prompt that a step uses: the recipe's own, or the shipped one."""
    if section.prompt is not None:
        return Prompt(section.prompt, name=getattr(section, "name", section.do))
    return Prompt.shipped(*_SHIPPED[type(section)])
