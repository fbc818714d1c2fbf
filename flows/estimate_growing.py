"""What growing the tree of a recipe would ask: at most, as names that are put aside are asked for again."""

from itertools import accumulate
from operator import mul

from catena.flows.driver import ledger_url
from catena.flows.estimate import Asking, asking, has_ledger
from catena.flows.plan import Plan
from catena.flows.plan_taxonomy import levels
from catena.flows.recipe_taxonomy import Grow
from catena.ledger import Total, open_ledger
from catena.storage import Store

_PROMPT_BOUND = 1_500
"""Tokens of a prompt about one topic at most; lists of neighbours are bounded."""


def estimate_growing(plan: Plan, store: Store) -> list[Asking]:
    """What the levels that are not grown yet would ask of each model; near pairs for a judge are not known before.

    Topics that the tree begins with count as if they were to be grown too, so the numbers are upper bounds.
    """
    grow = plan.recipe.grow
    if grow is None:
        return []
    stages = list(levels(grow))
    done = plan.finished(stages[-1])
    times = 1 + grow.top_ups
    missing = [at for at, stage in enumerate(stages) if not done.get(stage)]
    parents = sum(_parents(grow, at) for at in missing) * times
    totals = _totals(plan, store)
    roles = [("grow/expand", name, grow.samples) for name in grow.models]
    roles += [] if grow.critic is None else [("grow/review", grow.critic, 1)]
    return [_asked(plan, step, name, parents * samples, totals) for step, name, samples in roles if parents]


def _parents(grow: Grow, level: int) -> int:
    """Topics that the `level`-th growing asks about; a seed counts as ten subjects."""
    roots = len(grow.subjects) or 10
    topics: list[int] = list(accumulate((roots, *grow.children), mul))
    return topics[level]


def _asked(plan: Plan, step: str, name: str, requests: int, totals: dict[tuple[str, str], Total]) -> Asking:
    section = plan.recipe.models[name]
    spec = section.spec(name)
    return asking(step, spec, requests, 0, totals.get((step, spec.model)), (_PROMPT_BOUND, section.sampling.max_tokens))


def _totals(plan: Plan, store: Store) -> dict[tuple[str, str], Total]:
    if not has_ledger(plan, store):
        return {}
    ledger = open_ledger(ledger_url(plan, store), writable=False)
    try:
        return {(one.purpose, one.model): one for one in ledger.totals() if one.completions}
    finally:
        ledger.close()
