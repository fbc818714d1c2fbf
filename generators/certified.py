"""A composed row with its evidence: who certifies, what a row's programs are, and rows as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Protocol

import orjson
import pyarrow as pa

from catena import items
from catena.generators.atoms.catalog import families
from catena.generators.reasoning_gym import confirms
from catena.graphs import Resolve
from catena.items import ItemProgram
from catena.model_program import PREFIX, ModelProgram
from catena.programs import Operations, Program
from catena.records import Answer, Certificate, Graph, Problem
from catena.schemas import table_of

_NONE = Graph((), ())


class Certify(Protocol):
    """Judges a row by itself: `catena.validators.certificates.certify`, or that with limits of one's own.

    To be pickled with its data set it must be a function of a module, or a `functools.partial` of one.
    """

    def __call__(self, statement: str, answer: Answer, graph: Graph, resolve: Resolve, row: str, /) -> Certificate:
        """The certificate of the row with this problem id, whose `reason` is None exactly when it is granted."""
        ...


@dataclass(frozen=True, slots=True)
class Certified:
    """A row with its evidence.

    Attributes:
        problem: The composed problem.
        problem_id: Its content id.
        graph: The canonical text of its graph.
        certificate: Granted.
        refused: Candidates thrown away before it, by reason.
    """

    problem: Problem
    problem_id: str
    graph: str
    certificate: Certificate
    refused: Mapping[str, int]


@lru_cache(maxsize=100_000)
def resolve(program: str) -> Program:
    """The program that a row names: a family, one of a model (run in the sandbox), a row as it stands, or an operation list.

    Raises:
        KeyError, ValueError: None of them, or a generated item that has another answer when it is generated again.
        DatasetError: A generated item whose package is missing.
    """
    if program.startswith("family:"):
        return families()[program.removeprefix("family:")]
    if program.startswith(items.PREFIX):
        item = ItemProgram.from_text(program)
        if not confirms(item):
            raise ValueError(f"{item.row}: generated again, this item has another answer than {item.answer!r}")
        return item
    return ModelProgram.from_text(program) if program.startswith(PREFIX) else Operations.from_text(program)


def composed_table(rows: Sequence[Certified]) -> pa.Table:
    """Certified rows as `catena.samples.sample_table` takes them."""
    table = table_of(Problem, [replace(row.problem, graph=_NONE) for row in rows])  # the texts of the graphs are known
    table = table.set_column(
        table.schema.get_field_index("graph"),
        table.schema.field("graph"),
        pa.array([row.graph for row in rows], pa.string()),
    )
    texts = pa.list_(pa.string())
    nodes = [row.problem.graph.nodes for row in rows]
    return (
        table.append_column("problem_id", pa.array([row.problem_id for row in rows], pa.string()))
        .append_column("node_answers", pa.array([[str(node.answer) for node in row] for row in nodes], texts))
        .append_column("sources", pa.array([[node.source for node in row] for row in nodes], texts))
        .append_column("certificate", pa.array([_text(row.certificate) for row in rows], pa.string()))
    )


def _text(certificate: Certificate) -> str:
    data = {field.name: getattr(certificate, field.name) for field in fields(certificate)}
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
