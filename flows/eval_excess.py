"""Excess difficulty by horizon from the attempts of an evaluation; see `catena.horizon_excess`."""

from collections.abc import Iterable, Sequence

from catena.graphs import graph_from_text
from catena.horizon_excess import HorizonExcess, attempted, horizon_excess
from catena.pass_rates import PassRates, pass_rates_of
from catena.trainers.evaluate_records import EvaluationProblem, Judged, observed

LEAST_ATTEMPTS = 64
"""Decided attempts at a part, without which its compositions are left out: the intervals take the parts' rates as known, and at
a dozen attempts each their error alone looks like a difference."""


def excess_by_horizon(
    problems: Sequence[EvaluationProblem],
    judged: Iterable[Judged],
    *,
    parts: PassRates | None = None,
    model: str = "evaluated",
) -> list[HorizonExcess]:
    """How much harder compositions are than the pass rates of their parts say; empty where parts were not measured enough.

    Args:
        problems: With graphs; those of one part and horizon 1 measure that part.
        judged: The verdicts on attempts at them.
        parts: Further measurements of parts by the same model, under the name `model`.
        model: As it is called in `parts`.
    """
    rates = pass_rates_of(observed(problems, judged, model))
    if parts is not None:
        own = parts.keys_of("source")
        rates = rates.merged(pass_rates_of(one for one in parts.observed() if one.key in own))
    rates = pass_rates_of(
        one for one in rates.observed() if one.kind == "problem" or one.tally.decided >= LEAST_ATTEMPTS
    )
    composed = [
        (one.problem_id, one.horizon, graph_from_text(one.graph)) for one in problems if one.graph and one.horizon > 1
    ]
    return horizon_excess(attempted(composed, rates, model))
