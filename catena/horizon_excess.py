"""How much harder composed problems are than their parts say: measured pass rates against the product of those of the parts.

Under independent parts a chain is solved as often as the product of its parts' pass rates says; what is missing from that is the
difficulty of the horizon itself (carrying values, keeping order, length). It is given as a difference of log odds by horizon: 0 as
the product says, negative where the horizon costs something. The parts' own rates are taken as known: their sampling error is not in
the intervals, so measure parts on more attempts than compositions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from catena.pass_rates import PassRates
from catena.process_truth import required_nodes
from catena.records import Graph

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Attempted:
    """A composed problem that was attempted.

    Attributes:
        horizon: Its nodes on the longest dependency path.
        expected: The product of its parts' pass rates, in [0, 1].
        accepted, decided: Its own attempts.
    """

    horizon: int
    expected: float
    accepted: int
    decided: int


@dataclass(frozen=True, slots=True)
class HorizonExcess:
    """Measured against expected at one horizon.

    Attributes:
        horizon: Nodes on the longest dependency path.
        num_problems: Problems with decided attempts.
        decided: Those attempts.
        measured, expected: Pass rates over them, in [0, 1].
        ratio: `measured` over `expected`; None where nothing was expected.
        log_odds: Difference of their log odds (half an attempt is added to either outcome); below 0 it is harder than expected.
        low, high: Its 95 % interval, over problems (attempts at one problem are not independent).
    """

    horizon: int
    num_problems: int
    decided: int
    measured: float
    expected: float
    ratio: float | None
    log_odds: float
    low: float
    high: float


def expected_pass_rate(sources: Sequence[str], rates: Mapping[str, float | None]) -> float | None:
    """The product of the sources' pass rates, in [0, 1]; None where one of them was not measured.

    Args:
        sources: With repetitions where one is solved several times.
        rates: Pass rate of each source for one model.
    """
    product = 1.0
    for source in sources:
        rate = rates.get(source)
        if rate is None:
            return None
        product *= rate
    return product


def sources_on_path(graph: Graph) -> list[str]:
    """The sources of the nodes that a wanted answer needs on the branches that are taken, as often as each is worked out."""
    nodes = [graph.nodes[index] for index in sorted(required_nodes(graph))]
    return [node.source for node in nodes for _ in range(1 if node.loop is None else node.loop.times)]


def attempted(rows: Iterable[tuple[str, int, Graph]], rates: PassRates, model: str) -> list[Attempted]:
    """The composed problems that a model attempted and whose parts were all measured.

    Args:
        rows: Problem id, horizon and graph of published rows, each problem once.
        rates: A store that holds the pass rates of both.
        model: As it is called there.
    """
    parts = {key: rates.rate(key, model) for key in rates.keys_of("source")}
    found = []
    for problem_id, horizon, graph in rows:
        tally = rates.tally(problem_id, model)
        expected = expected_pass_rate(sources_on_path(graph), parts) if tally.decided else None
        if expected is not None:
            found.append(Attempted(horizon, expected, tally.accepted, tally.decided))
    return found


def horizon_excess(problems: Iterable[Attempted]) -> list[HorizonExcess]:
    """Measured against expected by horizon, in ascending order; problems without decided attempts count nowhere."""
    by_horizon: dict[int, list[Attempted]] = {}
    for one in problems:
        if one.decided:
            by_horizon.setdefault(one.horizon, []).append(one)
    return [_excess(horizon, by_horizon[horizon]) for horizon in sorted(by_horizon)]


def _excess(horizon: int, problems: Sequence[Attempted]) -> HorizonExcess:
    decided = sum(one.decided for one in problems)
    measured = sum(one.accepted for one in problems) / decided
    expected = sum(one.expected * one.decided for one in problems) / decided
    apart = [one.accepted - one.expected * one.decided for one in problems]
    mean = sum(apart) / len(apart)
    variance = sum((one - mean) ** 2 for one in apart) * len(apart) / max(1, len(apart) - 1)
    smooth, smooth_expected = _smoothed(measured, decided), _smoothed(expected, decided)
    error = max(sqrt(variance) / decided, 0.5 / decided) / (smooth * (1 - smooth))
    log_odds = log(smooth / (1 - smooth)) - log(smooth_expected / (1 - smooth_expected))
    return HorizonExcess(
        horizon,
        len(problems),
        decided,
        measured,
        expected,
        measured / expected if expected else None,
        log_odds,
        log_odds - _Z * error,
        log_odds + _Z * error,
    )


def _smoothed(rate: float, decided: int) -> float:
    return (rate * decided + 0.5) / (decided + 1)


def excess_table(rows: Sequence[HorizonExcess]) -> str:
    """The rows as text, one line for each horizon."""
    lines = ["horizon  problems  attempts  measured  expected  log odds (95 %)"]
    lines += [
        f"{row.horizon:7}  {row.num_problems:8,}  {row.decided:8,}  {row.measured:8.3f}  {row.expected:8.3f}"
        f"  {row.log_odds:+.2f} ({row.low:+.2f} to {row.high:+.2f})"
        for row in rows
    ]
    return "\n".join(lines)
