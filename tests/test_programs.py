import ast
import json
import pickle
from fractions import Fraction
from timeit import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.domains import OneOf, Tenths, Whole
from catena.generators.atoms.arithmetic import FAMILIES
from catena.programs import (
    LARGEST,
    MAX_OPERATIONS,
    Kind,
    Operand,
    Operation,
    Operations,
    Operator,
    Program,
    Result,
    keeps,
    kind_of,
)


def change_program() -> Operations:
    """Money left after buying n1 things for n2 with n3: n3 - n1 * n2."""
    return Operations(
        {"n1": Whole(2, 40), "n2": Whole(2, 40), "n3": Whole(10, 400)},
        (Operation("*", "n1", "n2", "+w"), Operation("-", "n3", Result(0), "+w")),
    )


def share_program() -> Operations:
    """n1 % of n2, in the order of the published text: n1 / 100 * n2."""
    return Operations(
        {"n1": Whole(1, 99), "n2": Whole(2, 400)},
        (Operation("/", "n1", 100, "+g"), Operation("*", Result(0), "n2", "+w")),
    )


def test_families_and_operations_are_both_programs() -> None:
    programs: list[Program] = [change_program(), FAMILIES[0]]
    assert [program.names for program in programs] == [("n1", "n2", "n3"), ("boxes", "each", "loose")]


def test_solve_and_constraint_and_evaluate_agree() -> None:
    program = change_program()
    assert program.solve(n1=3, n2=5, n3=20) == 5
    assert program.evaluate({"n1": 3, "n2": 5, "n3": 20}) == 5
    assert program.constraint(n1=3, n2=5, n3=20)


def test_a_positive_result_must_stay_positive() -> None:
    assert not change_program().constraint(n1=4, n2=5, n3=20)
    assert not change_program().constraint(n1=5, n2=5, n3=20)


def test_a_whole_result_must_stay_whole() -> None:
    assert share_program().evaluate({"n1": 25, "n2": 80}) == 20
    assert share_program().evaluate({"n1": 25, "n2": 81}) is None


def test_a_result_above_the_bound_is_refused() -> None:
    program = Operations({"n1": Whole(2, 9)}, (Operation("*", "n1", LARGEST // 2, "+w"),))
    assert program.constraint(n1=2)
    assert not program.constraint(n1=3)


def test_division_by_zero_is_refused_and_raises_in_solve() -> None:
    program = Operations({"n1": Whole(2, 9)}, (Operation("-", "n1", 5, "0w"), Operation("/", 12, Result(0), "+w")))
    assert program.evaluate({"n1": 5}) is None
    with pytest.raises(ZeroDivisionError):
        program.solve(n1=5)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(5, "+w"), (0, "0w"), (-5, "-w"), (Fraction(1, 4), "+g"), (Fraction(1, 3), "+f"), (Fraction(5, 2), "+d")],
)
def test_kind_of_the_published_value(value: int | Fraction, kind: Kind) -> None:
    assert kind_of(value) == kind
    assert keeps(value, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Fraction(5, 2), "+w"),
        (0, "+w"),
        (-1, "0w"),
        (1, "+g"),
        (Fraction(1, 3), "+g"),
        (Fraction(4, 3), "+f"),
        (101, "+p"),
        (5, "-w"),
    ],
)
def test_a_value_of_another_kind_is_refused(value: int | Fraction, kind: Kind) -> None:
    assert not keeps(value, kind)


def test_words_and_floats_are_not_numbers_of_a_program() -> None:
    for value in ("3", 3.0, True):
        with pytest.raises(TypeError, match="n1"):
            change_program().solve(n1=value, n2=5, n3=20)


def test_solve_refuses_to_grow_without_bound() -> None:
    steps = [Operation("*", "n1", "n1")] + [Operation("*", Result(i), Result(i)) for i in range(30)]
    with pytest.raises(OverflowError):
        Operations({"n1": Whole(2, 9)}, tuple(steps)).solve(n1=9)


def test_text_is_canonical_json() -> None:
    assert share_program().to_text() == (
        '{"parameters":[["n1","whole",1,99,1],["n2","whole",2,400,1]],"operations":[["/","n1",100,"+g"],["*","#0","n2","+w"]]}'
    )


def test_tenths_survive_the_text() -> None:
    program = Operations({"n1": Tenths(5, 25)}, (Operation("*", "n1", Fraction(3, 4), "+d"),))
    assert Operations.from_text(program.to_text()) == program


def test_programs_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(change_program()))
    assert again == change_program()
    assert again.solve(n1=3, n2=5, n3=20) == 5


def test_one_of_words_is_no_parameter_of_an_operation_list() -> None:
    with pytest.raises(ValueError, match="whole numbers or tenths"):
        Operations({"n1": OneOf((1, 2))}, (Operation("+", "n1", 1, "+w"),))


GOOD = share_program().to_text()
HOSTILE = {
    "not JSON": "{",
    "empty": "",
    "a list": "[]",
    "null": "null",
    "deep": "[" * 15_000,
    "long": GOOD + " " * 30_000,
    "not canonical": GOOD + " ",
    "extra key": GOOD[:-1] + ',"extra":1}',
    "repeated key": GOOD[:-1] + ',"parameters":[]}',
    "unknown operator": GOOD.replace('"*"', '"**"'),
    "operator of another type": GOOD.replace('"*"', '["*"]'),
    "unknown kind": GOOD.replace("+g", "+z"),
    "kind of another type": GOOD.replace('"+g"', "[]"),
    "forward reference": GOOD.replace("#0", "#1"),
    "unknown name": GOOD.replace('"*","#0","n2"', '"*","#0","n3"'),
    "name with code": GOOD.replace('"n1"', '"__import__"'),
    "name of another type": GOOD.replace('["n1","whole"', '[7,"whole"'),
    "repeated name": GOOD.replace('["n2","whole",2', '["n1","whole",2'),
    "large constant": GOOD.replace("100,", f"{10**12},"),
    "huge constant": GOOD.replace("100,", "9" * 5_000 + ","),
    "large fraction": GOOD.replace("100,", f'"1/{10**12}",'),
    "unreduced fraction": GOOD.replace("100,", '"2/4",'),
    "fraction over zero": GOOD.replace("100,", '"1/0",'),
    "float": GOOD.replace("100,", "100.0,"),
    "not a number": GOOD.replace("100,", "NaN,"),
    "boolean": GOOD.replace("100,", "true,"),
    "nested operand": GOOD.replace("100,", "[1],"),
    "empty domain": GOOD.replace("1,99,1", "99,1,1"),
    "step of zero": GOOD.replace("1,99,1", "1,99,0"),
    "unknown domain": GOOD.replace('"whole",1,99,1', '"any"'),
    "domain of booleans": GOOD.replace("1,99,1", "true,99,1"),
    "no operations": '{"parameters":[],"operations":[]}',
    "short operation": '{"parameters":[],"operations":[["+",1]]}',
    "too many operations": json.dumps(
        {"parameters": [], "operations": [["+", 1, 1, "+w"]] * (MAX_OPERATIONS + 1)}, separators=(",", ":")
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused(text: str) -> None:
    assert text != GOOD
    with pytest.raises(ValueError, match="not the text of a program"):
        Operations.from_text(text)


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the text of a program"):
        Operations.from_text(text)


numbers = st.integers(-50, 50) | st.builds(Fraction, st.integers(-50, 50), st.integers(2, 9)).filter(
    lambda value: value.denominator > 1
)


@st.composite
def programs(draw: st.DrawFn) -> Operations:
    names = ["n1", "n2", "n3"][: draw(st.integers(1, 3))]
    operations: list[Operation] = []
    for index in range(draw(st.integers(1, 6))):
        earlier: list[Operand] = [Result(i) for i in range(index)]
        operand = st.sampled_from([*names, *earlier]) | numbers
        operator: Operator = draw(st.sampled_from(["+", "-", "*", "/"]))
        operations.append(Operation(operator, draw(operand), draw(operand), draw(st.sampled_from(["+w", "+r", "-r"]))))
    return Operations({name: Whole(1, 99) for name in names}, tuple(operations))


def as_python(program: Operations) -> str:
    """The last result as one expression, an independent route to the same value."""
    texts: list[str] = []
    for each in program.operations:
        left, right = (
            texts[operand.index]
            if isinstance(operand, Result)
            else operand
            if isinstance(operand, str)
            else f"({operand})"
            for operand in (each.left, each.right)
        )
        texts.append(f"({left} {each.operator} {right})")
    return texts[-1]


def walk(node: ast.expr, values: dict[str, int]) -> Fraction:
    match node:
        case ast.Constant(value=int(value)):
            return Fraction(value)
        case ast.Name(id=name):
            return Fraction(values[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -walk(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            x, y = walk(left, values), walk(right, values)
            if isinstance(op, ast.Add):
                return x + y
            if isinstance(op, ast.Sub):
                return x - y
            return x * y if isinstance(op, ast.Mult) else x / y
    raise AssertionError(ast.dump(node))


@given(programs(), st.lists(st.integers(1, 99), min_size=3, max_size=3))
@settings(max_examples=200, deadline=None)
def test_text_round_trips_and_the_value_is_that_of_the_expression(program: Operations, values: list[int]) -> None:
    again = Operations.from_text(program.to_text())
    assert again == program
    given_values: dict[str, int] = dict(zip(("n1", "n2", "n3"), values, strict=True))
    used = {name: given_values[name] for name in program.names}
    try:
        expected = walk(ast.parse(as_python(program), mode="eval").body, given_values)
    except ZeroDivisionError:
        return
    try:
        solved = again.solve(**used)
    except ArithmeticError:  # an unused operation divides by zero, or a result is out of bounds
        return
    assert solved == expected
    assert again.evaluate(used) in (None, expected)


def test_evaluating_costs_microseconds() -> None:
    operations = (
        Operation("*", "n1", "n2", "+w"),
        Operation("-", "n3", Result(0), "+w"),
        Operation("/", Result(1), 2, "+w"),
        Operation("+", Result(2), "n1", "+w"),
    )
    program = Operations({name: Whole(2, 400) for name in ("n1", "n2", "n3")}, operations)
    values = {"n1": 3, "n2": 4, "n3": 20}
    best = min(timeit(lambda: program.evaluate(values), number=2_000) for _ in range(5))
    assert best / 2_000 < 8e-6
