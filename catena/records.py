"""The nouns of Catena, one frozen dataclass each. Standard library only.

Not here: how a record becomes a row (`catena.shards`), how a graph is evaluated (`catena.graphs`),
what makes two answers equal (`catena.answers`).
"""

from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Literal, get_args

AnswerKind = Literal[
    "integer", "rational", "real", "expression", "set", "interval", "choice", "string", "boolean", "sequence"
]
ANSWER_KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)
Decision = Literal["accept", "reject", "undecided"]
LinkKind = Literal["value-changing", "value-preserving"]
Origin = Literal["model", "atom", "composed", "dataset"]
TopicStatus = Literal["proposed", "locked", "pruned", "merged"]
Use = Literal["sft", "rl", "test", "quarantine"]

Value = int | Fraction | float | str | bool | tuple["Value", ...]
"""A computed answer before it is typed and printed; exact (`int`, `Fraction`) wherever the arithmetic is."""


def content_id(*parts: str) -> str:
    """A 32-digit id of the given content: equal content has an equal id on every machine."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Topic:
    """A node of the taxonomy, named by its path from the root (subject first, at least three levels)."""

    path: tuple[str, ...]
    quota: int
    description: str = ""
    status: TopicStatus = "locked"
    merged_into: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A typed final answer.

    `value` is canonical text (`-3/4`, `1.5`, `{1, 2}`, `true`); `unit` is None where there is none.
    `tolerance` is relative to the gold value and means something only for kind `real`.
    """

    kind: AnswerKind
    value: str
    unit: str | None = None
    tolerance: float | None = None

    def __str__(self) -> str:
        return self.value if self.unit is None else f"{self.value} {self.unit}"


@dataclass(frozen=True, slots=True)
class Adapter:
    """How a parent's answer becomes a quantity of its child: `op` with its integer arguments.

    The operations and their wording are the table of `catena.adapters`.
    """

    op: str
    arguments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Parameter `parameter` of node `child` is the answer of node `parent`, through `adapter`.

    `value-changing`: the child's quantity becomes what arrives, and its truth is recomputed.
    `value-preserving`: the adapter adds `m - a`, so that the child's own quantity `m` and truth stay.
    """

    parent: int
    child: int
    parameter: str
    adapter: Adapter
    kind: LinkKind


@dataclass(frozen=True, slots=True)
class Node:
    """One problem inside a graph: which program, with which parameter values, and its own answer.

    `program` is the canonical text that `catena.programs` resolves: a family's name or an operation list.
    `values` holds every parameter, carried ones included, as they are on the true path.
    """

    source: str
    program: str
    values: dict[str, Value]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Graph:
    """Problems in an order in which every parent stands before its child, and the links between them."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    shape: str = "serial"


@dataclass(frozen=True, slots=True)
class Problem:
    """A statement with a typed reference answer and a topic.

    `horizon` is the number of nodes on the longest dependency path; 1 for a plain problem.
    `solution` is the worked chain of thought without its final answer line.
    """

    statement: str
    answer: Answer
    topic: tuple[str, ...]
    horizon: int
    origin: Origin
    solution: str
    graph: Graph
    style: str = "prose"
    template: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was checked about a composed problem, and whether it passed.

    `necessity [num_links]` is the share of perturbations of each link's parent that moved the final
    answer, in [0, 1]. `reason` is None exactly when the certificate is granted.
    """

    truth_recomputed: bool
    necessity: tuple[float, ...]
    shortcut_probes: int
    largest_magnitude: float
    reason: str | None
