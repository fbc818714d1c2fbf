"""The tables of an evaluation and of a comparison, for the console."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catena.horizon_excess import HorizonExcess, excess_table
from catena.trainers.evaluate_paired import PairedTest
from catena.trainers.evaluate_scores import ALL, Score

MOST_OF_A_KIND = 12
"""Groups of one dimension that are printed; the files have them all."""
_NAME = 34


def score_lines(scores: Sequence[Score], excess: Sequence[HorizonExcess]) -> Iterator[str]:
    """The figures of each group, one line each; a star marks what was held out of training."""
    ks = [estimate.k for estimate in scores[0].pass_at]
    heads = "".join(f"  {f'pass@{k}':<20}" for k in ks)
    yield f"{'group':<{_NAME}}  problems{heads}  unparsed  truncated  undecided"
    for score, left in _listed(scores):
        cells = "".join(f"  {_estimate(one.value, one.low, one.high):<20}" for one in score.pass_at)
        shares = (_share(score.unparsed, score.decided), _share(score.truncated, score.num_samples))
        yield (
            f"{_named(score.dimension, score.name, star=bool(score.held_out)):<{_NAME}}  {score.num_problems:8,}{cells}"
            f"  {shares[0]:>8}  {shares[1]:>9}  {score.undecided:9,}"
        )
        if left:
            yield f"  ... and {left:,} more {score.dimension} groups"
    if any(score.held_out for score in scores):
        yield "* in no training row"
    if excess:
        yield "\nagainst the product of the parts' pass rates"
        yield excess_table(excess)


def comparison_lines(tests: Sequence[PairedTest]) -> Iterator[str]:
    """The tests, one line each."""
    yield (
        f"{'group':<{_NAME}}  problems  first  second  {'difference (95 %)':<26}  better  worse  {'p':>8}  {'p (Holm)':>8}"
    )
    for test, left in _listed(tests):
        if test.difference is None:
            yield f"{_named(test.dimension, test.name):<{_NAME}}  {0:8,}  nothing decided in both"
            continue
        change = f"{test.difference:+.3f} ({test.low:+.3f} to {test.high:+.3f})"
        yield (
            f"{_named(test.dimension, test.name):<{_NAME}}  {test.num_problems:8,}  {test.first:5.3f}  {test.second:6.3f}"
            f"  {change:<26}  {test.better:6,}  {test.worse:5,}  {_p(test.p_value):>8}  {_p(test.p_holm):>8}"
        )
        if left:
            yield f"  ... and {left:,} more {test.dimension} groups"
    if tests[0].left_out:
        yield f"{tests[0].left_out:,} problems without a decided sample in one of the two are left out"


def _listed(groups: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """The groups to print, each with the number of those of its dimension that are left out after it."""
    sizes: dict[str, int] = {}
    for group in groups:
        sizes[group.dimension] = sizes.get(group.dimension, 0) + 1
    seen: dict[str, int] = {}
    for group in groups:
        seen[group.dimension] = place = seen.get(group.dimension, 0) + 1
        if place <= MOST_OF_A_KIND and (group.dimension == ALL or sizes[group.dimension] > 1):
            last = place == MOST_OF_A_KIND
            yield group, max(0, sizes[group.dimension] - MOST_OF_A_KIND) if last else 0


def _named(dimension: str, name: str, *, star: bool = False) -> str:
    text = "all" if dimension == ALL else f"{dimension} {name}"
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    room = _NAME - 2 * star
    return (printable if len(printable) <= room else f"{printable[: room - 1]}…") + (" *" if star else "")


def _estimate(value: float | None, low: float | None, high: float | None) -> str:
    return "-" if value is None else f"{value:.3f} ({low:.3f}-{high:.3f})"


def _share(count: int, total: int) -> str:
    return f"{count / total:.1%}" if total else "-"


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def summary_line(results: Mapping[str, Any]) -> str:
    """What was evaluated on what, in one line."""
    overall = results["groups"][0]
    how = "greedy" if results["greedy"] else f"{results['samples']} samples at temperature {results['temperature']:g}"
    return (
        f"{results['model']} on {results['data']}: {overall['num_problems']:,} problems, {how}, {overall['decided']:,} of"
        f" {overall['num_samples']:,} decided; {results['requests']['sent']:,} asked now,"
        f" {results['requests']['reused']:,} from the ledger"
    )
