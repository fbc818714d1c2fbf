"""The nouns of Catena, one frozen dataclass each. Standard library only.

Not here: how a record becomes a row (`catena.shards`), how a graph is evaluated (`catena.graphs`),
what makes two answers equal (`catena.answers`).
"""

from dataclasses import dataclass, field
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
Use = Literal["sft", "rl", "test", "probe", "quarantine"]
"""`probe`: a problem that cannot be solved as stated, for asking whether a model notices."""

Value = int | Fraction | float | str | bool | tuple["Value", ...]
"""A computed answer before it is typed and printed; exact (`int`, `Fraction`) wherever the arithmetic is."""


def content_id(*parts: str) -> str:
    """A 32-digit id of the given content: equal content has an equal id on every machine."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Topic:
    """A node of the taxonomy, named by its path from the root (subject first, at least three levels).

    `origin` says where it came from: `seed`, `human`, or the models that proposed it; `support` is the share of samples
    that named it, in [0, 1], None where nobody was asked. `reason` tells why it was pruned or merged.
    """

    path: tuple[str, ...]
    quota: int = 0
    description: str = ""
    status: TopicStatus = "locked"
    merged_into: tuple[str, ...] | None = None
    origin: str = ""
    support: float | None = None
    reason: str = ""


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
class Condition:
    """Whether the answer of `node` passes `test` (a name of `catena.graphs.TESTS`) against `argument`; `holds` is the wanted outcome."""

    node: int
    test: str
    argument: int
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """Parameter `parameter` of node `child` is the answer of node `parent`, through `adapter`.

    `value-changing`: the child's quantity becomes what arrives, and its truth is recomputed.
    `value-preserving`: the adapter adds `m - a`, so that the child's own quantity `m` and truth stay.
    With `when`, the link carries only where the condition holds; another link feeds the parameter where it does not.
    The parameter `catena.graphs.REPEAT` is the number of times that a child with a loop is applied.
    """

    parent: int
    child: int
    parameter: str
    adapter: Adapter
    kind: LinkKind
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """A node applied `times` times: after each but the last, `parameter` becomes its answer through `adapter`."""

    parameter: str
    adapter: Adapter
    times: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A quantity to be found from a later answer: `parameter` of `node`, given the answer of node `target`."""

    node: int
    parameter: str
    target: int


@dataclass(frozen=True, slots=True)
class Node:
    """One problem inside a graph: which program, with which parameter values, and its own answer.

    `program` is the canonical text that `catena.programs` resolves: a family's name or an operation list.
    `values` holds every parameter, carried ones included, as they are on the true path; with a `loop`, as they are the
    first time.
    """

    source: str
    program: str
    values: dict[str, Value]
    answer: Answer
    loop: Loop | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """Problems in an order in which every parent stands before its child, and the links between them.

    `asked` are the nodes whose answers are wanted (empty: the last one), `order` the nodes in the order in which the
    statement lists them (empty: as they are), `distractors` the nodes that no wanted answer depends on.
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    shape: str = "serial"
    asked: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    distractors: tuple[int, ...] = ()
    unknown: Unknown | None = None


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
    answer, in [0, 1]; of the links `proven` (their numbers) it is so by the algebra of the programs, and no change was followed.
    `reason` is None exactly when the certificate is granted.
    """

    truth_recomputed: bool
    necessity: tuple[float, ...]
    shortcut_probes: int
    largest_magnitude: float
    reason: str | None
    proven: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One long solution by a named model, reasoning and text apart.

    `sample` numbers the independent attempts of a model, from 0; `sampling` is JSON. `finish_reason` is the server's word:
    with `length` the solution is unfinished, which is not the same as wrong. `correct` is None until it is decided.
    `style` says how it was asked for (`catena.generators.styles`), `language` in which language; empty: the problem's own.
    """

    model: str
    sample: int
    sampling: str
    reasoning: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    correct: bool | None = None
    evidence: str = ""
    style: str = "plain"
    language: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one verifier said when asked `question` (validity, blind solve, answer match, ...).

    `evidence` is what it is based on; `confidence` in [0, 1].
    """

    verifier: str
    question: str
    decision: Decision
    evidence: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes on one problem decided; `undecided` is not `reject`."""

    problem_id: str
    decision: Decision
    confidence: float
    votes: tuple[Vote, ...]


@dataclass(frozen=True, slots=True)
class Parent:
    """An accepted problem that another one is made from."""

    row_id: str
    topic: tuple[str, ...]
    statement: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Draft:
    """A row on its way through a pipeline: each step fills in its part.

    `row_id` says where it came from and stays; `number` tells apart the rows that ask the same of the same topic.
    `concepts` are what its problem is to join, the leaf first; `nearby` are problems written before that it must not repeat.
    `operator` says how the problem is made from its `parents`; empty where it is new. `missing` says what an ill-posed twin
    lacks; such a row has no answer. `hints` are three tiers: knowledge, plan, partial solution.
    `columns` holds texts by name: those of an input data set, and what `ask` steps have added.
    """

    row_id: str
    number: int = 0
    topic: tuple[str, ...] = ()
    statement: str = ""
    answer: Answer | None = None
    design: str = ""
    origin: Origin = "model"
    model: str = ""
    trajectories: tuple[Trajectory, ...] = ()
    votes: tuple[Vote, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    concepts: tuple[str, ...] = ()
    nearby: tuple[str, ...] = ()
    operator: str = ""
    parents: tuple[Parent, ...] = ()
    missing: str = ""
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class PassRate:
    """Accepted over decided attempts of a reference model, in [0, 1], and both counts; `decided` is at least 1."""

    model: str
    pass_rate: float
    accepted: int
    decided: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The published row: CHIMERA's columns (arXiv 2603.00889), TRL's, and the evidence. Its fields are its columns.

    `graph`, `certificate`, `columns` and `provenance` are JSON texts, so that any reader of Parquet takes the row.
    `model` wrote `solution`, which is `reasoning` and the text after it; all three are what a composed row has of its
    own, so there `model` and `reasoning` are None. `solution_style` and `solution_language` say how it was asked for.
    `missing` says what an ill-posed problem lacks, whose `answer` is empty.
    """

    problem_id: str
    subject: str
    topic: str
    topic_path: tuple[str, ...]
    concepts: tuple[str, ...]
    question: str
    answer: str
    answer_type: AnswerKind
    answer_unit: str | None
    answer_tolerance: float | None
    solution: str
    correctness: bool | None
    prompt: tuple[Turn, ...]
    completion: tuple[Turn, ...]
    messages: tuple[Turn, ...]
    horizon: int
    style: str
    intermediate_answers: tuple[str, ...]
    sources: tuple[str, ...]
    template: str
    model: str | None
    reasoning: str | None
    solution_style: str | None
    solution_language: str | None
    operator: str
    missing: str
    hints: tuple[str, ...]
    graph: str | None
    certificate: str | None
    columns: str | None
    verdicts: tuple[Vote, ...]
    pass_rate: tuple[PassRate, ...]
    suggested_use: Use
    provenance: str
