"""How long rows are in tokens, before anything is trained: by horizon and source, in bounded memory.

Rows are tokenised in batches and only counts by length are kept, so percentiles are exact and memory does not grow with the
rows. What is over the limit is counted here and left out by training (`catena.trainers.dataset.encode`), never cut.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from catena.trainers.dataset import Example, prompt_ids, token_ids

_BATCH = 512
_MOST_GROUPS = 250


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Nearest-rank percentiles of lengths, in tokens."""

    median: int
    p90: int
    p99: int
    longest: int


@dataclass(frozen=True, slots=True)
class GroupLengths:
    """The lengths of one group of rows; `over` of its `rows` are over the limit.

    `group` is `all`, `horizon 3` or `source name`; `completion` is None for rows of RL, which are prompts alone.
    """

    group: str
    rows: int
    over: int
    tokens: int
    prompt: Percentiles
    completion: Percentiles | None
    total: Percentiles


@dataclass(frozen=True, slots=True)
class LengthReport:
    """The accounts of all rows, of each horizon and of each source; `limit` in tokens."""

    limit: int
    groups: tuple[GroupLengths, ...]

    @property
    def all(self) -> GroupLengths:
        """The account of all rows together."""
        return self.groups[0]


@dataclass(slots=True)
class _Counts:
    prompt: Counter[int] = field(default_factory=Counter)
    completion: Counter[int] = field(default_factory=Counter)
    total: Counter[int] = field(default_factory=Counter)


def measure_lengths(
    examples: Iterable[Example], tokenizer: Any, limit: int, *, thinking: str = "keep", prompts_only: bool = False
) -> LengthReport | None:
    """The account of `examples`; None where there are none.

    Args:
        examples: Read once, in batches.
        tokenizer: With its chat template.
        limit: Longest row that is trained on, in tokens; for `prompts_only` the longest prompt.
        thinking: Whether the reasoning before an answer counts.
        prompts_only: For RL, which completes the prompts itself.

    Raises:
        DatasetError: The chat template rewrites a prompt once it is answered.
    """
    found: dict[tuple[str, Any], _Counts] = {}
    for batch in _batches(examples):
        if prompts_only:
            starts = prompt_ids(tokenizer, [one.prompt for one in batch])
            wholes = starts
        else:
            starts, wholes = token_ids(batch, tokenizer, thinking=thinking)
        for one, start, whole in zip(batch, starts, wholes, strict=True):
            known = ("source", one.source) in found or len(found) < _MOST_GROUPS
            for key in (("all", 0), ("horizon", one.horizon), ("source", one.source if known else "others")):
                counts = found.setdefault(key, _Counts())
                counts.prompt[len(start)] += 1
                counts.completion[len(whole) - len(start)] += 1
                counts.total[len(whole)] += 1
    if not found:
        return None
    order = sorted(found, key=lambda key: (("all", "horizon", "source").index(key[0]), key[1]))
    return LengthReport(limit, tuple(_group(key, found[key], limit, prompts_only) for key in order if key[1] != ""))


def as_lines(report: LengthReport) -> Iterator[str]:
    """A table of the account for a console."""
    yield f"  {'tokens':<26}{'rows':>9}{'over':>7}{'prompt p50/p99':>17}{'completion p50/p99':>21}{'total p50/p90/p99/max':>25}"
    for one in report.groups:
        completion = "-" if one.completion is None else f"{one.completion.median}/{one.completion.p99}"
        total = f"{one.total.median}/{one.total.p90}/{one.total.p99}/{one.total.longest}"
        prompt = f"{one.prompt.median}/{one.prompt.p99}"
        yield f"  {one.group[:25]:<26}{one.rows:>9,}{one.over:>7,}{prompt:>17}{completion:>21}{total:>25}"


def _batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
    rows = iter(examples)
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _group(key: tuple[str, Any], counts: _Counts, limit: int, prompts_only: bool) -> GroupLengths:
    kind, name = key
    return GroupLengths(
        group="all" if kind == "all" else f"{kind} {name}",
        rows=counts.total.total(),
        over=sum(count for length, count in counts.total.items() if length > limit),
        tokens=sum(length * count for length, count in counts.total.items()),
        prompt=_percentiles(counts.prompt),
        completion=None if prompts_only else _percentiles(counts.completion),
        total=_percentiles(counts.total),
    )


def _percentiles(counts: Counter[int]) -> Percentiles:
    total, lengths = counts.total(), sorted(counts)

    def at(share: int) -> int:
        """Nearest rank: the shortest length that `share` percent of the rows do not exceed."""
        rank, passed = -(-share * total // 100), 0
        for length in lengths:
            passed += counts[length]
            if passed >= rank:
                return length
        return lengths[-1]

    return Percentiles(at(50), at(90), at(99), lengths[-1])
