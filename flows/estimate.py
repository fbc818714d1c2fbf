"""What a pipeline would ask, and what that would come to: from the run's own ledger, never from guesses.

A sample of its rows goes through the steps with the ledger alone. That shows which answers are there already and how many
rows each step lets pass; tokens and latency per completion are the ledger's means. Where the ledger knows nothing of a
step, only an upper bound is given.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from math import prod

from catena.asking import Desk, Model
from catena.budget import Budget, Limits
from catena.engines.models import ModelSpec
from catena.flows.composed_rows import published_drafts
from catena.flows.driver import ledger_url
from catena.flows.guiding import guided_first
from catena.flows.job import Refused
from catena.flows.plan import Done, Plan
from catena.flows.plan_panel import number_of
from catena.flows.plan_pipelines import dataset_of, leaves, source_of, stages_of
from catena.flows.plan_taxonomy import levels, tree_of_run
from catena.flows.recipe_pipelines import CheckAnswersStep, FindEssentialStep, PanelStep, Pipeline, SolveStep
from catena.flows.rows import drafts_in_turn, drafts_of_rows
from catena.flows.run_folder import finished_marker
from catena.flows.steps import make_steps
from catena.generators.datasets import read_rows
from catena.ledger import Ledger, Total, open_ledger
from catena.records import Draft
from catena.schemas import records_of
from catena.shards import read_shard
from catena.storage import Store
from catena.streaming import Stream

SAMPLE = 400
"""Rows that are looked up in the ledger."""
_PROMPT_BOUND = 2_000
"""Tokens of a shipped prompt without what models wrote; only upper bounds use it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What one step would ask of one model.

    `requests` are those still to be paid for. Without `known` history, tokens are an upper bound and `hours` is None.
    """

    step: str
    model: str
    requests: float
    kept: float
    prompt_tokens: float
    completion_tokens: float
    hours: float | None
    money: float | None
    known: bool


def drafts_of(plan: Plan, line: Pipeline) -> tuple[Iterator[Draft], int]:
    """The drafts that a pipeline begins with, and how many."""
    if line.source == "topics":
        tree = tree_of_run(plan, Store(plan.url), _grown(plan))
        if tree is None and plan.recipe.grow is not None:
            return iter(()), line.rows or 0
        quotas = [(topic.path, topic.quota) for topic in leaves(plan, line, tree)]
        return drafts_in_turn(line.name, quotas), sum(quota for _, quota in quotas)
    origin = source_of(plan, line)
    if origin is not None:
        return _derived(plan, line, origin)
    source = dataset_of(plan, line)
    if source.format == "composed":
        found = list(islice(published_drafts(source.place, line.name), line.rows))
        return iter(found), len(found)
    rows = list(islice(read_rows(source.place, source.split, source.config), line.rows))
    refused: list[Refused] = []
    return drafts_of_rows(rows, line.name, source.model_dump(), refused), len(rows)


def _derived(plan: Plan, line: Pipeline, origin: Pipeline) -> tuple[Iterator[Draft], int]:
    """The rows that an earlier pipeline has given so far; where it is not finished, as many as it may give and none of them."""
    rows, work = stages_of(line)[0], stages_of(origin)[1]
    done = plan.finished(rows)
    if done.get(rows):
        shards = [shard for _, marker in done[rows] for shard in marker.shards]
        store = Store(plan.url)
        drafts = (one for shard in shards for one in records_of(Draft, read_shard(store, shard.path)))
        return drafts, sum(shard.rows for shard in shards)
    finished = sum(marker.rows_out for _, marker in done.get(work, ()))
    there = finished or drafts_of(plan, origin)[1]
    return iter(()), there if line.rows is None else line.rows if line.operators else min(there, line.rows)


def _grown(plan: Plan) -> Done:
    """The levels of the run's tree that are there already."""
    store, done = Store(plan.url), Done()
    for stage in levels(plan.recipe.grow):
        if plan.parents[stage] and not done.get(plan.parents[stage][0]):
            break
        marked = [(job, finished_marker(store, job.marker)) for job in plan.jobs(stage, done)]
        done[stage] = [(job, marker) for job, marker in marked if marker is not None]
    return done


def estimate(plan: Plan, line: Pipeline, store: Store) -> list[Asking]:
    """What each step of a pipeline would ask of each of its models, steps in order."""
    ledger = open_ledger(ledger_url(plan, store), writable=False) if has_ledger(plan, store) else None
    try:
        drafts, rows = drafts_of(plan, line)
        totals = ledger.totals() if ledger is not None else []
        first = next(drafts, None)
        if ledger is None or (rows and first is None):
            lacking = Counter({line.step_names()[0]: 1})
            yields: dict[str, float] = {}
            share = float(rows)
        else:
            every = max(1, rows // SAMPLE)
            chosen = guided_first(
                plan, line, list(islice(chain(() if first is None else (first,), drafts), 0, None, every))
            )
            lacking, yields = asyncio.run(_look_up(plan, line, ledger, chosen))
            share = rows / max(len(chosen), 1)
        if line.candidates is not None and rows:
            asked_for = _candidates(line, yields)
            share, rows = share * asked_for / rows, round(asked_for)
        return _expected(plan, line, rows, lacking, yields, share, totals)
    finally:
        if ledger is not None:
            ledger.close()


def _candidates(line: Pipeline, yields: dict[str, float]) -> float:
    """Candidates for the rows wanted: by what the ledger knows of each step's yield, else as many as may be asked for."""
    most = float(line.candidates or 0)
    accepted = prod(yields.get(name, 0.0) for name in line.step_names())
    return min(most, (line.rows or 0) / accepted) if accepted > 0 else most


def has_ledger(plan: Plan, store: Store) -> bool:
    """Whether a run has asked anything yet."""
    url = ledger_url(plan, store)
    return Store(url.rpartition("/")[0] or ".").exists(url.rpartition("/")[2])


async def _look_up(
    plan: Plan, line: Pipeline, ledger: Ledger, drafts: list[Draft]
) -> tuple[Counter[str], dict[str, float]]:
    """By step: rows that lack an answer there, and the share of rows that it lets pass."""
    desk = Desk(ledger, Budget(Limits()), seed=plan.recipe.seed)
    sections = plan.recipe.models
    models = {
        name: Model(sections[name].spec(name), None, desk, sections[name].sampling.value(), tries=line.tries)
        for step in line.steps
        for name in step.asks()
    }
    stream = Stream(make_steps(line, models), desk)
    lacking: Counter[str] = Counter()
    reached: Counter[int] = Counter()
    passed: Counter[int] = Counter()
    names = line.step_names()
    for draft in drafts:
        before = desk.lacking.copy()
        for outcome in await stream.shard([draft]):
            reached.update(range(min(outcome.passed + 1, len(names))))
            passed.update(range(outcome.passed))
        new = desk.lacking - before
        first = next((name for name in names if new[name]), None)
        if first is not None:
            lacking[first] += 1
            reached.update(range(names.index(first)))
            passed.update(range(names.index(first)))
    return lacking, {names[index]: passed[index] / count for index, count in reached.items()}


def _expected(
    plan: Plan,
    line: Pipeline,
    rows: int,
    lacking: Counter[str],
    yields: dict[str, float],
    share: float,
    totals: list[Total],
) -> list[Asking]:
    known = {(total.purpose, total.model): total for total in totals if total.completions}
    found: list[Asking] = []
    under_way, written, arriving, attempts = 0.0, 0, float(rows), 0
    for name, step in zip(line.step_names(), line.steps, strict=True):
        under_way += lacking[name] * share
        each: float = (
            step.samples
            if isinstance(step, SolveStep)
            else attempts
            if isinstance(step, CheckAnswersStep)
            else step.at_most
            if isinstance(step, FindEssentialStep)
            else 1
        )
        attempts += step.samples * len(step.models) if isinstance(step, SolveStep) else 0
        for model in step.asks():
            spec = plan.recipe.models[model].spec(model)
            bound = (_PROMPT_BOUND + written, _room(plan, model))
            total = known.get((name, spec.model))
            if isinstance(step, PanelStep):
                each, planted = step.most(model), number_of(step, rows)
                asked = each + (model == step.step_check)
                found += [_planted(name, spec, planted * asked, known.get((f"{name}, planted", spec.model)), bound)]
            found.append(asking(name, spec, under_way * each, max(arriving - under_way, 0.0) * each, total, bound))
        written += max((_room(plan, model) for model in step.asks()), default=0)
        under_way *= yields.get(name, 1.0)
        arriving *= yields.get(name, 1.0)
    return found


def _planted(step: str, spec: ModelSpec, questions: float, total: Total | None, bound: tuple[int, int]) -> Asking:
    """What a panel would ask about planted rows; what it asked before is taken to be among it."""
    kept = min(questions, total.completions if total is not None else 0)
    return asking(f"{step}, planted", spec, questions - kept, kept, total, bound)


def _room(plan: Plan, model: str) -> int:
    sampling = plan.recipe.models[model].sampling
    return sampling.most_tokens or sampling.max_tokens


def asking(
    step: str, spec: ModelSpec, requests: float, kept: float, total: Total | None, bound: tuple[int, int]
) -> Asking:
    """What so many requests of a step come to, by the ledger's means for it (`total`) or else by `bound`.

    Args:
        bound: Tokens of a prompt and of a completion at most.
    """
    prompt, completion = map(float, bound)
    hours = None
    if total is not None:
        prompt = total.usage.prompt_tokens / total.completions
        completion = total.usage.completion_tokens / total.completions
        hours = requests * total.latency_s / total.completions / spec.concurrency / 3600
    money = (
        None
        if spec.price is None
        else spec.price.of(1, 0) * prompt * requests + spec.price.of(0, 1) * completion * requests
    )
    return Asking(
        step, spec.model, requests, kept, prompt * requests, completion * requests, hours, money, total is not None
    )
