"""What a run has spent: tokens and money per model and step, from its ledger; per published row where there are any."""

from typing import Any

from catena.errors import LedgerError
from catena.flows.driver import ledger_url, worked_seconds
from catena.flows.plan import Plan
from catena.ledger import open_ledger
from catena.storage import Store


def spending(plan: Plan, store: Store, accepted: int) -> dict[str, Any] | None:
    """Tokens and money of a run's ledger at the recipe's prices; None where no model was asked.

    Args:
        accepted: Published rows, over which the total is divided.
    """
    if not plan.asks_models:
        return None
    try:
        ledger = open_ledger(ledger_url(plan, store), writable=False)
    except LedgerError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    try:
        totals = ledger.totals()
    finally:
        ledger.close()
    prices = {section.model: section.spec(name).price for name, section in plan.recipe.models.items()}
    lines: list[dict[str, Any]] = []
    steps = [name for line in plan.recipe.pipeline for name in line.step_names()]
    place = {name: index for index, name in enumerate(steps)}
    for total in sorted(totals, key=lambda total: (place.get(total.purpose, len(place)), total.purpose, total.model)):
        price, usage = prices.get(total.model), total.usage
        money = None if price is None else price.of(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
        lines.append(
            {
                "step": total.purpose,
                "model": total.model,
                "completions": total.completions,
                "truncated": total.truncated,
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "reasoning_tokens": usage.reasoning_tokens,
                "mean_latency_s": round(total.latency_s / max(total.completions, 1), 3),
                "money": None if money is None else round(money, 6),
            }
        )
    money = sum(line["money"] or 0.0 for line in lines)
    tokens = sum(line["prompt_tokens"] + line["completion_tokens"] for line in lines)
    budget = plan.recipe.budget
    return {
        "currency": budget.currency,
        "lines": lines,
        "requests": sum(line["completions"] for line in lines),
        "prompt_tokens": sum(line["prompt_tokens"] for line in lines),
        "completion_tokens": sum(line["completion_tokens"] for line in lines),
        "tokens": tokens,
        "money": round(money, 6),
        "unpriced": sorted({line["model"] for line in lines if line["money"] is None}),
        "hours": round(worked_seconds(store) / 3600, 4),
        "tokens_per_row": round(tokens / accepted, 1) if accepted else None,
        "money_per_row": round(money / accepted, 6) if accepted else None,
        "budget": budget.model_dump(mode="json", exclude={"currency"}),
    }
