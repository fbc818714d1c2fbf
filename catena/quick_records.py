"""The records of a graph, made as fast as plain objects.

Setting the fields of a frozen dataclass one by one takes four times as long as filling an open twin with the same slots and closing it;
a composed row has about a hundred such records, made when it is drawn and again when it is read.
"""

from catena.records import Adapter, Answer, AnswerKind, Condition, Link, LinkKind, Loop, Node, Value


class _Adapter:
    __slots__ = Adapter.__slots__

    def __init__(self, op: str, arguments: tuple[int, ...]) -> None:
        self.op, self.arguments = op, arguments


class _Link:
    __slots__ = Link.__slots__

    def __init__(
        self, parent: int, child: int, parameter: str, adapter: Adapter, kind: LinkKind, when: Condition | None
    ) -> None:
        self.parent, self.child, self.parameter = parent, child, parameter
        self.adapter, self.kind, self.when = adapter, kind, when


class _Answer:
    __slots__ = Answer.__slots__

    def __init__(self, kind: AnswerKind, value: str, unit: str | None, tolerance: float | None) -> None:
        self.kind, self.value, self.unit, self.tolerance = kind, value, unit, tolerance


class _Node:
    __slots__ = Node.__slots__

    def __init__(self, source: str, program: str, values: dict[str, Value], answer: Answer, loop: Loop | None) -> None:
        self.source, self.program, self.values, self.answer, self.loop = source, program, values, answer, loop


def make_adapter(op: str, arguments: tuple[int, ...]) -> Adapter:
    """`Adapter` with these fields."""
    made = _Adapter(op, arguments)
    made.__class__ = Adapter  # type: ignore[assignment]
    return made  # type: ignore[return-value]


def make_link(
    parent: int, child: int, parameter: str, adapter: Adapter, kind: LinkKind, when: Condition | None = None
) -> Link:
    """`Link` with these fields."""
    made = _Link(parent, child, parameter, adapter, kind, when)
    made.__class__ = Link  # type: ignore[assignment]
    return made  # type: ignore[return-value]


def make_answer(kind: AnswerKind, value: str, unit: str | None = None, tolerance: float | None = None) -> Answer:
    """`Answer` with these fields."""
    made = _Answer(kind, value, unit, tolerance)
    made.__class__ = Answer  # type: ignore[assignment]
    return made  # type: ignore[return-value]


def make_node(source: str, program: str, values: dict[str, Value], answer: Answer, loop: Loop | None = None) -> Node:
    """`Node` with these fields."""
    made = _Node(source, program, values, answer, loop)
    made.__class__ = Node  # type: ignore[assignment]
    return made  # type: ignore[return-value]
