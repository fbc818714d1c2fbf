"""How each composed row of a shard is drawn: its required pair of topics, its band of expected difficulty, or freely.

What a row follows from is its group, horizon and slot alone, so that it is the same in every process.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from catena.flows.job import as_json
from catena.generators.chain import Pools
from catena.generators.composing import Draw, Form, compose_problem
from catena.generators.expected import Band, Tilted
from catena.generators.pairing import Pairs, SameSubject, Topic, is_linked
from catena.records import Problem
from catena.seeds import stream_for
from catena.taxonomy.quotas import Slots

PAIR_ATTEMPTS = 3
OUTSIDE, UNMEASURED, UNFITTING = "outside the band", "no pass rate for this topic", "no fitting chain"
EXPECTED, STUDENT, PAIR = "expected_pass_rate", "student", "pair"
"""Columns of rows that were chosen: the product of the parts' pass rates, whose they are, and the required pair."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was drawn for one slot; `reason` says why nothing was."""

    problem: Problem | None
    columns: str | None
    reason: str


class Chooser:
    """Draws the rows of one group and horizon, and counts what was thrown away for it.

    Args:
        group: The settings of the group.
        slots: Which leaf each slot belongs to.
        pools: Of each leaf.
        leaves: Topics of the leaves; empty where rows have no topic of their own.
        rates: Pass rate of each source for the student of the group's band; empty without one.
    """

    def __init__(
        self,
        group: Mapping[str, Any],
        slots: Slots,
        pools: Sequence[Pools],
        leaves: Sequence[Topic],
        seed: int,
        rates: Mapping[str, float],
    ) -> None:
        self._group, self._slots, self._pools, self._leaves = group, slots, pools, leaves
        self._seed, self._subjects = seed, SameSubject()
        band = group.get("band")
        self._student = band["student"] if band else ""
        self._tilted = Tilted(rates, Band(band["floor"], band["ceiling"])) if band else None
        self._pairs: Pairs | None = None
        if group.get("pairing") == "coverage" and leaves:
            self._pairs = Pairs(pools[0].any_node, leaves, seed)
        self._topics = {one.source.name: one.source.topic for pool in pools for one in (*pool.any_node, *pool.last)}
        self.redrawn = self.outside = 0
        self.pairs: Counter[str] = Counter()

    def draw(self, slot: int, horizon: int, rng: Random, form: Form) -> Chosen:
        """The row of a slot."""
        leaf = self._slots.leaf(slot)
        pools = self._pools[leaf]
        if self._group.get("pairing") == "same-subject" and self._leaves:
            pools = self._subjects.pools(pools, self._leaves[leaf][0])
        columns: dict[str, str] = {}
        found = None
        if self._pairs is not None and horizon > 1:
            found = self._paired(self._pairs, pools, leaf, slot, horizon, form, columns)
        problem, expected, reason = found or self._one(pools, horizon, rng, form)
        if expected is not None:
            columns |= {EXPECTED: f"{expected:.4f}", STUDENT: self._student}
        return Chosen(problem, as_json(columns) if columns else None, reason)

    @property
    def facts(self) -> dict[str, Any]:
        """What the marker of the shard keeps."""
        facts: dict[str, Any] = {"redrawn": self.redrawn}
        if self._tilted is not None:
            facts["outside_band"] = self.outside
        if self._pairs is not None:
            facts["pairs"] = {
                "possible": self._pairs.possible,
                **{name: self.pairs[name] for name in ("linked", "unlinked")},
            }
        return facts

    def _paired(
        self, pairs: Pairs, pools: Pools, leaf: int, slot: int, horizon: int, form: Form, columns: dict[str, str]
    ) -> tuple[Problem, float | None, str] | None:
        """A row with its required link; None where no attempt has it, and the row is drawn freely."""
        parent = pairs.parent_of(leaf, self._ordinal(slot, leaf))
        for attempt in range(PAIR_ATTEMPTS if parent is not None else 0):
            assert parent is not None
            rng = stream_for(self._seed, "pair", self._group["name"], horizon, slot, attempt)
            problem, expected, _ = self._one(pairs.required(pools, parent), horizon, rng, form)
            if problem is not None and is_linked(Draw(problem, 0), parent, self._topics):
                columns[PAIR] = f"{' / '.join(parent)} -> {' / '.join(self._leaves[leaf])}"
                self.pairs["linked"] += 1
                return problem, expected, ""
        self.pairs["unlinked"] += 1
        return None

    def _one(self, pools: Pools, horizon: int, rng: Random, form: Form) -> tuple[Problem | None, float | None, str]:
        style = self._group["style"]
        if self._tilted is None:
            draw = compose_problem(pools, horizon, rng, style=style, form=form)
            self.redrawn += draw.thrown
            return draw.problem, None, UNFITTING
        if not any(self._tilted.rates.get(one.source.name) for one in pools.last):
            return None, None, UNMEASURED
        banded = self._tilted.compose(pools, horizon, rng, style=style, form=form)
        self.redrawn += banded.thrown
        self.outside += banded.outside
        return banded.problem, banded.expected, OUTSIDE if banded.outside else UNFITTING

    def _ordinal(self, slot: int, leaf: int) -> int:
        """The place of a slot among those of its leaf."""
        place = slot * self._slots.stride % self._slots.total
        return place - (self._slots.bounds[leaf - 1] if leaf else 0)
