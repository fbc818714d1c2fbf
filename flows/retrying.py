"""Which failed rows `catena retry` takes up: they are granted further attempts, and their shards lose their markers."""

from collections.abc import Sequence

from catena.flows.dead_letters import read_letters, read_retries, write_retries
from catena.flows.plan import Plan
from catena.flows.plan_pipelines import stages_of
from catena.flows.run_folder import DATA_OWNER, FINISHED, exclusive
from catena.storage import Store
from catena.streaming import Failure


def grant(plan: Plan, store: Store, causes: Sequence[str]) -> int:
    """Grants one more round of attempts to failed rows; returns how many.

    The shards of those rows are done again: rows that came through are read from the ledger, failed rows of other causes
    stay as they are.

    Args:
        causes: Only rows that failed for one of these; empty: all failed rows.
    """
    granted = 0
    with exclusive(store):
        for line in plan.recipe.pipeline:
            _, work = stages_of(line)
            for job, marker in plan.finished(work).get(work, ()):
                if not marker.failed:
                    continue
                letters = read_letters(store, job, line.book_names())
                chosen = [
                    row
                    for row, one in letters.items()
                    if isinstance(one.end, Failure) and (not causes or one.end.cause in causes)
                ]
                if not chosen:
                    continue
                retries = read_retries(store, job)
                for row in chosen:
                    retries.grants[row] = retries.grants.get(row, 0) + 1
                retries.rows = chosen
                write_retries(store, job, retries)
                store.remove(job.marker)
                granted += len(chosen)
        if granted:
            store.remove(FINISHED)
            store.remove(DATA_OWNER)
    return granted
