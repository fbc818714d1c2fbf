"""Asking for a few rows of each pipeline before a run, so that its plan can be an estimate; the run uses the answers."""

from itertools import islice

from catena.flows.driver import Driver
from catena.flows.estimate import drafts_of
from catena.flows.guiding import guided_first
from catena.flows.plan import Plan
from catena.flows.run_folder import exclusive
from catena.storage import Store


def ask_sample(plan: Plan, rows: int) -> None:
    """Sends `rows` rows of each pipeline, spread over it, through its steps; only the ledger remembers them."""
    store = Store(plan.url)
    with exclusive(store), Driver(plan) as driver:
        for line in plan.recipe.pipeline:
            drafts, number = drafts_of(plan, line)
            chosen = guided_first(plan, line, list(islice(drafts, 0, None, max(1, number // rows)))[:rows])
            outcomes = driver.try_out(line, chosen)
            passed = sum(one.end is None for one in outcomes)
            print(f"  sample of {line.name}: {len(outcomes)} rows, {passed} passed every step")
