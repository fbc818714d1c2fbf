"""Checks of an answer against its type, its statement, its solution and its program. See `catena.validators.checks`."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from catena import answer_workers
from catena.answer_golds import read_gold
from catena.answer_workers import DeadlineExceeded, WorkerDied
from catena.answers import compare, parse, printed
from catena.graphs import graph_from_text
from catena.leaks import states_answer
from catena.model_atom import ModelAtom
from catena.model_program import ProgramFailed
from catena.number_mentions import values_in
from catena.records import Answer
from catena.validators.checks_text import Flaw

_UNIT = r"[A-Za-zµΩ°%][A-Za-zµΩ°/^*0-9 -]{0,24}?"
_ASKED = re.compile(
    rf"\b(?:in|as)\s+(?:units? of\s+|terms of\s+|whole\s+)?(?P<unit>{_UNIT})(?=\s*(?:[.,;?)]|$|\b(?:and|to|with|does|do|is|are|rounded|correct)\b))"
    rf"|\bhow many\s+(?P<counted>{_UNIT})(?=\s*(?:[.,;?)]|$|\b(?:of|does|do|did|is|are|will|can|must|has|have)\b))",
    re.IGNORECASE,
)
_EXPRESS = re.compile(
    r"\b(?:express|give|state|report|write|answer|find|compute|what|how)\b[^.?!]{0,160}$", re.IGNORECASE
)
_FAR = 4.0
_MOST_UNITS = 4
_DEADLINE_S = 2.0


def check_answer_type(answer: Answer) -> Iterator[Flaw]:
    """Whether an answer can be read as its kind."""
    error = read_gold(answer, None).error
    if error is not None:
        yield Flaw("answer unreadable", f"{answer.kind}: {error}"[:200])
    elif parse(f"<answer>{printed(answer)}</answer>", answer.kind).value is None:
        yield Flaw("answer unreadable", f"{printed(answer)[:80]!r} cannot be read as {answer.kind}")


def check_leak(statement: str, answer: Answer) -> Iterator[Flaw]:
    """Whether the statement announces its answer."""
    said = states_answer(statement, answer)
    if said is not None:
        yield Flaw("answer leaked", f"the statement announces {said[:80]!r}")


def check_units(statement: str, answer: Answer) -> Iterator[Flaw]:
    """Whether the answer's unit is one that the statement asks for ("in metres", "how many metres"), or can be converted to it.

    Only where both are units that pint knows; a statement that asks for several is met by any. Not for chains of problems.
    """
    if not answer.unit or _conversion(answer.unit, answer.unit).get("why"):
        return
    asked = [unit for unit in _asked_units(statement) if not _conversion(unit, unit).get("why")]
    found = [_conversion(answer.unit, unit) for unit in asked]
    told = f"asked in {' or '.join(asked)}, answered in {answer.unit}"
    if found and all(one.get("why") == "incompatible" for one in found):
        yield Flaw("unit does not fit", told)
    elif found and not any(one.get("scale") == "1" for one in found):
        yield Flaw("another unit than asked", told)


def _asked_units(statement: str) -> list[str]:
    found = [
        match["unit"] or match["counted"]
        for match in _ASKED.finditer(statement)
        if match["counted"] or _EXPRESS.search(statement[: match.start()])
    ]
    return list(dict.fromkeys(unit.strip() for unit in found))[-_MOST_UNITS:]


@lru_cache(maxsize=4_096)
def _conversion(source: str, target: str) -> Mapping[str, str]:
    try:
        return answer_workers.ask({"op": "convert", "source": source, "target": target}, _DEADLINE_S)
    except (DeadlineExceeded, WorkerDied):
        return {"why": "unknown"}


def check_magnitude(statement: str, answer: Answer) -> Iterator[Flaw]:
    """Whether a number is absurdly far from what the statement's numbers can make: a hint only.

    It is when it is more than 10,000 times above the product of all numbers of the statement, or as far below its inverse.
    """
    number = read_gold(answer, None).number
    if number is None or number.exact == 0:
        return
    given = values_in(statement)
    reach = sum(abs(_log10(value)) for value in given if value)
    size = _log10(number.exact)
    if given and abs(size) > reach + _FAR:
        yield Flaw(
            "magnitude", f"about 10^{size:.0f}, while the product of the statement's numbers is about 10^{reach:.0f}"
        )


def _log10(value: object) -> float:
    numerator, denominator = value.numerator, value.denominator  # type: ignore[attr-defined]
    return math.log10(abs(numerator)) - math.log10(denominator)


def check_solution(answer: Answer, solution: str) -> Iterator[Flaw]:
    """Whether the final answer of a solution differs from the answer, symbolically where that is needed."""
    comparison = compare(answer, solution)
    if comparison.verdict == "different" and comparison.rule != "bare":
        yield Flaw("solution disagrees", f"ends in {(comparison.parsed or '')[:80]!r}, expected {str(answer)[:80]!r}")


def check_program(atom_text: str, answer: Answer) -> Iterator[Flaw]:
    """Whether a row's program, run in the sandbox on its example, gives the row's answer; blocks for some milliseconds."""
    try:
        atom = ModelAtom.from_text(atom_text)
        computed = atom.answer(atom.solve(**atom.example))
    except (ValueError, ProgramFailed) as error:
        yield Flaw("program disagrees", f"gives no answer: {error}"[:200])
        return
    verdict = compare(answer, f"<answer>{printed(computed)}</answer>").verdict
    if verdict == "different":
        yield Flaw("program disagrees", f"computes {str(computed)[:80]!r}, the row says {str(answer)[:80]!r}")


def check_certificate(graph: str | None, certificate: str | None, intermediate: Sequence[str] = ()) -> Iterator[Flaw]:
    """Whether a composed row carries a granted certificate that fits its graph; what it says is recomputed elsewhere.

    See `catena.validators.certificates.certify`.
    """
    if not graph:
        return
    try:
        links, nodes = len(graph_from_text(graph).links), len(graph_from_text(graph).nodes)
        said = json.loads(certificate) if certificate else None
    except ValueError as error:
        yield Flaw("no certificate", f"graph or certificate cannot be read: {error}"[:200])
        return
    if not isinstance(said, dict) or said.get("reason") is not None or said.get("truth_recomputed") is not True:
        yield Flaw("no certificate", "the row is composed, but no granted certificate stands in it")
    elif len(said.get("necessity", ())) != links:
        yield Flaw("no certificate", f"it speaks of {len(said.get('necessity', ()))} links, the graph has {links}")
    elif intermediate and len(intermediate) not in (nodes, nodes - 1):
        yield Flaw("no certificate", f"{len(intermediate)} intermediate answers for {nodes} nodes")
