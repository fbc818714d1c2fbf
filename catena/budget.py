"""The budget: a hard cap in money, tokens or hours over all resumes of a run.

Before a request is sent, the most that it can cost is set aside; what it did cost takes that place afterwards. So the cap
holds whatever the models answer. Prompts are bounded by their bytes: no tokenizer makes more tokens than that, the chat
template's own aside, for which a margin is added.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from catena.engines.base import Completion, Request
from catena.engines.models import ModelSpec, Price
from catena.errors import RunStopped
from catena.ledger import Total

_TEMPLATE_TOKENS = 64
_MESSAGE_TOKENS = 16


class BudgetReached(RunStopped):
    """The next request could break the budget."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of a whole run; None where there is none. Money is in the currency of the recipe's prices."""

    money: float | None = None
    tokens: int | None = None
    hours: float | None = None
    currency: str = "USD"


@dataclass(slots=True)
class Cost:
    """Money and tokens."""

    money: float = 0.0
    tokens: int = 0


def most(request: Request, price: Price | None) -> Cost:
    """The most that `request` can cost."""
    size = sum(len(turn.content.encode("utf-8", "surrogatepass")) + _MESSAGE_TOKENS for turn in request.messages)
    prompt = size + _TEMPLATE_TOKENS
    answer = request.sampling.max_tokens
    dearest = 0.0 if price is None else (prompt * max(price.input, price.cached or 0.0) + answer * price.output) / 1e6
    return Cost(dearest, prompt + answer)


def paid(completion: Completion, price: Price | None) -> Cost:
    """What `completion` did cost."""
    usage = completion.usage
    money = 0.0 if price is None else price.of(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    return Cost(money, usage.prompt_tokens + usage.completion_tokens)


def spent(totals: Iterable[Total], models: Iterable[ModelSpec]) -> Cost:
    """What a ledger's completions did cost at the prices of `models`."""
    prices = {spec.model: spec.price for spec in models}
    cost = Cost()
    for total in totals:
        price = prices.get(total.model)
        usage = total.usage
        cost.tokens += usage.prompt_tokens + usage.completion_tokens
        if price is not None:
            cost.money += price.of(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    return cost


class Budget:
    """What may still be spent. Used from one event loop.

    Args:
        limits: The caps.
        spent: What earlier runs in the same folder have spent.
        seconds: How long they were at work.
    """

    def __init__(self, limits: Limits, spent: Cost | None = None, seconds: float = 0.0) -> None:
        self.limits = limits
        self.spent = spent or Cost()
        self._before = seconds
        self._began = time.monotonic()
        self._held = Cost()
        self._holders = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._bounded = limits.money is not None or limits.tokens is not None

    @property
    def seconds(self) -> float:
        """Seconds at work, earlier runs included."""
        return self._before + time.monotonic() - self._began

    async def hold(self, request: Request, price: Price | None) -> Cost:
        """Sets aside the most that `request` can cost; waits while requests in flight hold what is left.

        Raises:
            BudgetReached: Nothing is in flight any more, and it would still not fit; or the hours are over.
        """
        hours = self.limits.hours
        if hours is not None and self.seconds >= hours * 3600:
            raise BudgetReached(f"the budget of {hours:g} hours is used up; raise budget.hours to go on")
        if not self._bounded:
            return Cost()
        cost = most(request, price)
        while not self._fits(cost):
            if not self._holders:
                raise BudgetReached(self._sentence(cost))
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._held.money += cost.money
        self._held.tokens += cost.tokens
        self._holders += 1
        return cost

    def settle(self, held: Cost, actual: Cost | None) -> None:
        """Gives back what was set aside and books what it did cost; None: nothing came."""
        if actual is not None:
            self.spent.money += actual.money
            self.spent.tokens += actual.tokens
        if not self._bounded:
            return
        self._held.money -= held.money
        self._held.tokens -= held.tokens
        self._holders -= 1
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _fits(self, cost: Cost) -> bool:
        money, tokens = self.limits.money, self.limits.tokens
        if money is not None and self.spent.money + self._held.money + cost.money > money * (1 + 1e-12):
            return False
        return tokens is None or self.spent.tokens + self._held.tokens + cost.tokens <= tokens

    def _sentence(self, cost: Cost) -> str:
        limits, currency = self.limits, self.limits.currency
        if limits.money is not None and self.spent.money + cost.money > limits.money:
            return (
                f"the budget of {limits.money:g} {currency} is reached: {self.spent.money:.4f} {currency} are spent and the"
                f" next request may cost {cost.money:.4f}; raise budget.money to go on"
            )
        return (
            f"the budget of {limits.tokens:,} tokens is reached: {self.spent.tokens:,} are used and the next request may"
            f" take {cost.tokens:,}; raise budget.tokens to go on"
        )
