"""`catena plan`: like a build tool, what is there, what would be made and why, and what the models would be asked."""

from typing import Any

import orjson

from catena.budget import spent
from catena.errors import RunFolderError
from catena.flows.auditing import read_audit
from catena.flows.driver import ledger_url, worked_seconds
from catena.flows.estimate import Asking, estimate, has_ledger
from catena.flows.estimate_growing import estimate_growing
from catena.flows.plan import Plan
from catena.flows.run import check_sources, plan_for
from catena.flows.run_folder import failed_rows, is_finished
from catena.ledger import open_ledger
from catena.storage import Store

_SHOWN = 60


def show_plan(recipe: str, run_folder: str | None, overrides: dict[str, str], *, sample: int = 0) -> int:
    """Prints the stages with what would run and why, and what the models would be asked.

    Args:
        sample: Rows of each pipeline to ask for first; their answers stay in the ledger, so the run uses them.
    """
    plan = plan_for(recipe, run_folder, overrides)
    check_sources(plan)
    store = Store(plan.url)
    wanted = sum(rows for group in plan.recipe.compose for rows in group.rows.values())
    lines = ", ".join(f"pipeline {line.name}" for line in plan.recipe.pipeline)
    tree = "a topic tree" if plan.recipe.grow is not None else ""
    puzzles = sum(group.rows for group in plan.recipe.puzzles)
    counted = [f"{rows:,} {kind} rows" for rows, kind in ((wanted, "composed"), (puzzles, "puzzle")) if rows]
    made = ", ".join(part for part in (tree, *counted, lines) if part)
    print(f"{plan.recipe.name}: {made}; run folder {plan.url}")
    if sample and plan.recipe.pipeline:
        from catena.flows.sampling import ask_sample

        ask_sample(plan, sample)
    if is_finished(store, plan.identities["run"]):
        failed = sum(failed_rows(store).values())
        print("everything is there; a run does nothing" + (f" ({failed:,} rows failed)" if failed else ""))
        return 0
    _print_stages(plan, store)
    if not plan.asks_models:
        print("no model is asked and no money is spent by this recipe")
        return 0
    asked = [one for line in plan.recipe.pipeline for one in estimate(plan, line, store)]
    _print_asking([*estimate_growing(plan, store), *asked], plan, store)
    return 0


def reasons(plan: Plan, store: Store) -> dict[str, str]:
    """Per stage why it would run: what changed since the last run in this folder; empty text where it would not."""
    last = _last_settings(store)
    found: dict[str, str] = {}
    for stage, parents in plan.parents.items():
        made = sum(name.endswith(".json") for name in store.names(plan.folder(stage)))
        above = [parent for parent in parents if found[parent] and "of its shards" not in found[parent]]
        if made:
            found[stage] = "" if not above and _complete(plan, store, stage) else f"{made} of its shards are there"
        elif last is None or stage not in last:
            found[stage] = "it was never run here"
        else:
            changed = _changes(last[stage], plan.settings[stage])
            found[stage] = "; ".join(changed) or (f"{above[0]} changed" if above else "its shards are missing")
    return found


def _complete(plan: Plan, store: Store, stage: str) -> bool:
    from catena.flows.status import books

    line = next(line for line in books(plan, store) if line["stage"] == stage)
    return not line["pending"]


def _last_settings(store: Store) -> dict[str, Any] | None:
    try:
        settings: dict[str, Any] = orjson.loads(store.read("recipe.json"))["settings"]
        return settings
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{store.full('recipe.json')}: not a recipe of this version; run the recipe again"
        ) from error


def _changes(old: Any, new: Any, name: str = "") -> list[str]:
    """What differs, as `name: old -> new`."""
    new = orjson.loads(orjson.dumps(new, option=orjson.OPT_NON_STR_KEYS))
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(key for key in new if key not in old)]
        return [
            change for key in names for change in _changes(old.get(key), new.get(key), f"{name}.{key}" if name else key)
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and name:
        return [
            change for at, pair in enumerate(zip(old, new, strict=True)) for change in _changes(*pair, f"{name}.{at}")
        ]
    return [] if old == new else [f"{name} changed: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _print_stages(plan: Plan, store: Store) -> None:
    why = reasons(plan, store)
    width = max(map(len, why)) + 2
    for stage, reason in why.items():
        print(f"  {stage:<{width}}{'will run: ' + reason if reason else 'up to date'}")
    if plan.recipe.audit is not None:
        done = not why["shards"] and read_audit(plan, store) is not None
        print(f"  {'audit':<{width}}{'up to date' if done else 'will run, over the published rows'}")
    if plan.recipe.train is not None:
        print(f"  {'training':<{width}}will run, unless its own state says otherwise")


def _print_asking(asked: list[Asking], plan: Plan, store: Store) -> None:
    currency = plan.recipe.budget.currency
    width = max((len(f"{one.step}, {one.model}") for one in asked), default=0) + 2
    print(
        f"  {'to ask':<{width}}{'requests':>10}{'kept':>10}{'tokens in':>17}{'tokens out':>17}{'hours':>9}{currency:>14}"
    )
    for one in asked:
        bound = "" if one.known else "<= "
        hours = "?" if one.hours is None else f"{one.hours:.2f}"
        price = "no price" if one.money is None else f"{bound}{one.money:.4f}"
        print(
            f"  {f'{one.step}, {one.model}':<{width}}{one.requests:>10,.0f}{one.kept:>10,.0f}"
            f"{f'{bound}{one.prompt_tokens:,.0f}':>17}{f'{bound}{one.completion_tokens:,.0f}':>17}{hours:>9}{price:>14}"
        )
    tokens = sum(one.prompt_tokens + one.completion_tokens for one in asked)
    money = sum(one.money or 0.0 for one in asked)
    known = all(one.known for one in asked if one.requests)
    word = "about" if known else "at most"
    print(f"  {word} {sum(one.requests for one in asked):,.0f} requests, {tokens:,.0f} tokens, {money:.4f} {currency}")
    if not known:
        print(
            "  steps marked <= have no history: 'catena plan RECIPE --sample 20' asks for 20 rows, which the run then uses,"
            " and estimates from them"
        )
    print("  one attempt for each question; further ones after malformed, truncated or refused answers come on top")
    _print_budget(plan, store, money, tokens)


def _print_budget(plan: Plan, store: Store, money: float, tokens: float) -> None:
    limits = plan.recipe.budget.limits()
    if limits.money is None and limits.tokens is None and limits.hours is None:
        print("  no budget is set; add [budget] with money, tokens or hours as a hard cap")
        return
    used = spent([], [])
    if has_ledger(plan, store):
        ledger = open_ledger(ledger_url(plan, store), writable=False)
        used = spent(ledger.totals(), [section.spec(name) for name, section in plan.recipe.models.items()])
        ledger.close()
    if limits.money is not None:
        verdict = "fits" if used.money + money <= limits.money else "does not fit: the run would stop at the cap"
        print(f"  budget {limits.money:g} {limits.currency}, {used.money:.4f} spent: {verdict}")
    if limits.tokens is not None:
        verdict = "fits" if used.tokens + tokens <= limits.tokens else "does not fit: the run would stop at the cap"
        print(f"  budget {limits.tokens:,} tokens, {used.tokens:,} used: {verdict}")
    if limits.hours is not None:
        print(f"  budget {limits.hours:g} hours, {worked_seconds(store) / 3600:.2f} used")
