import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

import pytest

from catena.domains import Whole
from catena.generators.atoms.family import Family
from catena.generators.certified import Certified, resolve
from catena.generators.compose import Composed
from catena.graphs import graph_from_text, graph_text
from catena.programs import Program
from catena.records import Adapter, Answer, Certificate, Condition, Graph, Link, Node, Problem, Value
from catena.schemas import table_of
from catena.seeds import stream_for
from catena.shards import write_shard
from catena.storage import Store
from catena.validators.certificates import STANDARD, Limits, certificate_record, certify, limits_of
from catena.validators.certificates_print import printed_numbers
from catena.values import number_tokens


def certificate(problem: Problem, **changes: object) -> Certificate:
    given = replace(problem, **changes)  # type: ignore[arg-type]
    return certify(given.statement, given.answer, given.graph, resolve, stream_for(1, given.statement), Limits())


def granted(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if certificate(problem).reason is None]


def test_nearly_every_composed_problem_is_certified(problems: list[Problem]) -> None:
    assert len(granted(problems)) >= 0.85 * len(problems)


def test_a_granted_certificate_says_what_was_checked(problems: list[Problem]) -> None:
    for problem in granted(problems):
        found = certificate(problem)
        assert found.truth_recomputed
        assert len(found.necessity) == len(problem.graph.links)
        assert all(share >= 0.9 for share in found.necessity)
        assert found.shortcut_probes >= len(problem.graph.links) / 2


def test_a_wrong_final_answer_is_found(problems: list[Problem]) -> None:
    for problem in granted(problems)[:60]:
        wrong = Answer("integer", "123456789", problem.answer.unit, problem.answer.tolerance)
        assert certificate(problem, answer=wrong).reason == "truth not reproduced"


def test_a_wrong_intermediate_answer_or_value_is_found(problems: list[Problem]) -> None:
    for problem in granted(problems)[:60]:
        first, *others = problem.graph.nodes
        forged = replace(first, answer=replace(first.answer, value="31415926"))
        assert (
            certificate(problem, graph=replace(problem.graph, nodes=(forged, *others))).reason == "truth not reproduced"
        )
        name = next(iter(first.values))
        moved = replace(first, values={**first.values, name: Fraction(1, 7)})
        assert certificate(problem, graph=replace(problem.graph, nodes=(moved, *others))).reason == "outside its domain"


def test_a_printed_answer_or_a_lost_number_is_found(problems: list[Problem]) -> None:
    for problem in [problem for problem in granted(problems) if problem.horizon > 1][:40]:
        inner = problem.graph.nodes[0].answer.value
        assert certificate(problem, statement=f"{problem.statement} Hint: {inner}").reason == "answer printed"
    assert any(
        certificate(problem, statement="What?").reason == "number not printed"
        for problem in problems
        if problem.horizon > 1
    )


def test_an_unknown_program_is_refused(problems: list[Problem]) -> None:
    node = replace(problems[0].graph.nodes[0], program="family:no.such")
    assert certificate(problems[0], graph=Graph((node,), ())).reason == "unknown program"
    node = replace(node, program="__import__('os').system('true')")
    assert certificate(problems[0], graph=Graph((node,), ())).reason == "unknown program"


def two(parent: Family, child: Family, values: tuple[int, int], carried: int) -> tuple[str, Answer, Graph]:
    """A hand-made chain: x of the child is the parent's answer."""
    nodes = (
        Node("p", "p", {"n": values[0]}, Answer("integer", str(parent.solve(values[0])))),
        Node("c", "c", {"x": carried, "y": values[1]}, Answer("integer", str(child.solve(carried, values[1])))),
    )
    graph = Graph(nodes, (Link(0, 1, "x", Adapter("identity", (0,)), "value-changing"),))
    return f"Given {values[0]} and {values[1]}.", nodes[1].answer, graph


def family(solve: object, parameters: dict[str, Whole]) -> Family:
    return Family("t.t", ("a", "b", "c"), parameters, solve, lambda **_: "", "", "integer", ("", "", ""))  # type: ignore[arg-type]


PARENT = family(lambda n: n + 1000, {"n": Whole(1, 500)})


def judged(child: Family, parent: Family = PARENT, values: tuple[int, int] = (7, 3)) -> Certificate:
    statement, answer, graph = two(parent, child, values, parent.solve(values[0]))  # type: ignore[arg-type]
    programs: dict[str, Program] = {"p": parent, "c": child}
    return certify(statement, answer, graph, programs.__getitem__, Random(1), Limits())


def test_a_link_that_does_not_matter_is_refused() -> None:
    ignoring = family(lambda x, y: y * 7, {"x": Whole(0, 5000), "y": Whole(1, 9)})
    assert judged(ignoring).reason == "link not necessary"
    assert judged(ignoring).necessity == (0.0,)


def test_a_link_that_matters_too_seldom_is_refused() -> None:
    coarse = family(lambda x, y: x // 400 + y + 2000, {"x": Whole(0, 5000), "y": Whole(1, 9)})
    assert judged(coarse).reason == "link not necessary"
    constant = family(lambda n: 1007, {"n": Whole(1, 500)})
    fine = family(lambda x, y: x + y, {"x": Whole(0, 5000), "y": Whole(1, 9)})
    assert judged(fine, parent=constant).reason == "link not necessary"


def test_a_child_that_a_guess_solves_is_refused() -> None:
    guessed = family(lambda x, y: x + y, {"x": Whole(7, 2007), "y": Whole(1, 9)})  # the middle of the domain is 1007
    assert judged(guessed).reason == "solved by a guess"
    fair = family(lambda x, y: x + y, {"x": Whole(0, 5000), "y": Whole(1, 9)})
    assert judged(fair).reason is None
    assert judged(fair).shortcut_probes == 2


def test_a_proven_link_is_one_that_every_change_moves_when_it_is_tried() -> None:
    rows = Composed(seed=8, certify=certify, horizons=(5, 9))
    many, proven, tried = Limits(perturbations=60), 0, 0
    for row in rows.draws(range(60)):
        problem = row.problem
        found = certify(problem.statement, problem.answer, graph_from_text(row.graph), undeclared, row.problem_id, many)
        assert found.proven == ()
        tried += len(found.necessity)
        proven += len(row.certificate.proven)
        for number in row.certificate.proven:
            link = problem.graph.links[number]
            if link.when is None and injective_parent(row, link):
                assert found.necessity[number] == row.certificate.necessity[number] == 1.0
            else:  # a parent's changes may leave its answer; on other outcomes quantities that leave their domain are replaced
                assert min(found.necessity[number], row.certificate.necessity[number]) >= 0.85
    assert proven > tried / 10


@cache
def undeclared(program: str) -> Program:
    """A family that does not say what its answer tells."""
    known = resolve(program)
    assert isinstance(known, Family)
    return replace(known, injective=())


def injective_parent(row: Certified, link: Link) -> bool:
    """Whether every change of a link's parent changes its answer."""
    node = row.problem.graph.nodes[link.parent]
    known = resolve(node.program)
    assert isinstance(known, Family)
    return set(known.injective) == set(known.parameters) and node.loop is None


def test_a_proven_link_still_needs_a_parent_that_can_change() -> None:
    told = replace(family(lambda x, y: x + y, {"x": Whole(0, 5000), "y": Whole(1, 9)}), injective=("x", "y"))
    assert judged(told).proven == (0,)
    assert judged(told).reason is None
    constant = family(lambda n: 1007, {"n": Whole(1, 500)})
    assert judged(told, parent=constant).reason == "link not necessary"
    seldom = family(lambda n: n // 400 + 1000, {"n": Whole(1, 500)})
    assert judged(told, parent=seldom).reason == "link not necessary"


@pytest.mark.parametrize(("times", "reason"), [(1, "link not necessary"), (3, None)])
def test_two_ways_that_cancel_are_tried_although_the_program_is_injective_in_both(
    times: int, reason: str | None
) -> None:
    wide = Whole(0, 90_000)
    root = replace(family(lambda n: n + 1000, {"n": Whole(1, 500)}), injective=("n",))
    one = replace(family(lambda x: x + 7000, {"x": wide}), injective=("x",))
    last = replace(family(lambda x, y: x - y + 50_000, {"x": wide, "y": wide}), injective=("x", "y"))
    programs: dict[str, Program] = {"r": root, "o": one, "l": last}
    values = [1007, 8007, 15_007, 7000 + 8007 * times + 5]
    fed: list[dict[str, Value]] = [{"n": 7}, {"x": 1007}, {"x": 8007}, {"x": 8007 * times + 5}]
    nodes = [
        Node(name, name, given, Answer("integer", str(value)))
        for name, given, value in zip("rooo", fed, values, strict=True)
    ]
    end = Node("l", "l", {"x": 15_007, "y": values[3]}, Answer("integer", str(65_007 - values[3])))
    plain, scaled = Adapter("identity", (0,)), Adapter("scale", (times, 5))
    links = [(0, 1, "x", plain), (1, 2, "x", plain), (1, 3, "x", scaled), (2, 4, "x", plain), (3, 4, "y", plain)]
    graph = Graph((*nodes, end), tuple(Link(*link, "value-changing") for link in links))
    found = certify("Given 7, 5, 1, 3.", end.answer, graph, programs.__getitem__, "row", Limits(unread=1))
    assert found.reason == reason
    assert found.proven == (1, 2, 3, 4)  # each by itself; a change of the first reaches the end on both ways


@pytest.mark.parametrize(
    "text", ["7, 1,234.5 and 3/4; 12.", "x=5,y=-6/7.8 (1,2,3)", "№ 7 × ٣ costs 5.50", "1.2.3 /4 5, 6./7,", ""]
)
def test_numbers_are_found_without_a_regular_expression_as_with_one(text: str, problems: list[Problem]) -> None:
    assert printed_numbers(text) == number_tokens(text)
    assert all(printed_numbers(problem.statement) == number_tokens(problem.statement) for problem in problems)


def decided(parent: Family, child: Family, *, exchanged: bool) -> tuple[str, Answer, Graph]:
    """A root that decides over two nodes and a child: the branch not taken is idle, or goes where the other one would."""
    given = [parent.solve(n) for n in (5, 7, 9)]
    x, y = given[2], given[1] if exchanged else 3
    plain, holds = Adapter("identity", (0,)), Condition(0, "over", 900)
    links = [
        Link(1, 3, "x", plain, "value-changing", holds),
        Link(2, 3, "x", plain, "value-changing", replace(holds, holds=False)),
        Link(2, 3, "y", plain, "value-changing", holds),
        Link(1, 3, "y", plain, "value-changing", replace(holds, holds=False)),
    ]
    nodes = [Node("p", "p", {"n": n}, Answer("integer", str(value))) for n, value in zip((5, 7, 9), given, strict=True)]
    last = Node("c", "c", {"x": x, "y": y}, Answer("integer", str(child.solve(x, y))))
    return "Given 5, 7, 9, 900, 3.", last.answer, Graph((*nodes, last), tuple(links[: 4 if exchanged else 2]))


def test_a_branch_that_can_be_ignored_is_refused_and_one_that_goes_elsewhere_instead_is_not() -> None:
    parent = family(lambda n: n + 1000 if n > 250 else n + 300, {"n": Whole(1, 500)})
    child = family(lambda x, y: 5 * x + y, {"x": Whole(0, 5000), "y": Whole(0, 5000)})
    programs: dict[str, Program] = {"p": parent, "c": child}
    for exchanged, reason in ((False, "solved without a link"), (True, None)):
        statement, answer, graph = decided(parent, child, exchanged=exchanged)
        limits = Limits(unread=0.2)
        assert certify(statement, answer, graph, programs.__getitem__, Random(1), limits).reason == reason


def test_answers_out_of_bounds_are_refused() -> None:
    huge = family(lambda x, y: x * 10**9 + y, {"x": Whole(0, 5000), "y": Whole(1, 9)})
    assert judged(huge).reason == "answer out of bounds"


def test_the_truth_is_recomputed_in_a_fresh_process_from_the_row_alone(problems: list[Problem], tmp_path: Path) -> None:
    write_shard(Store(str(tmp_path)), "p.parquet", table_of(Problem, granted(problems)))
    code = (
        "import sys; from random import Random; from catena.generators.certified import resolve; from catena.records import Problem;"
        "from catena.schemas import records_of; from catena.shards import read_rows;"
        "from catena.validators.certificates import Limits, certify;"
        "rows = records_of(Problem, read_rows([sys.argv[1]]));"
        "print(len(rows), sum(certify(r.statement, r.answer, r.graph, resolve, Random(r.statement), Limits()).truth_recomputed for r in rows))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "p.parquet")], capture_output=True, text=True, check=True
    )
    rows, right = map(int, done.stdout.split())
    assert rows == right == len(granted(problems))


def test_graphs_read_back_are_judged_like_the_ones_written(problems: list[Problem]) -> None:
    for problem in problems[:50]:
        again = graph_from_text(graph_text(problem.graph))
        assert certificate(problem, graph=again) == certificate(problem)


@pytest.mark.parametrize("value", [Fraction(1, 2), 2.5])
def test_magnitudes_of_all_numbers_count(value: Fraction | float) -> None:
    node = Node("p", "p", {"n": 7}, Answer("real", "2000000000"))
    big = Family("t.t", ("a", "b", "c"), {"n": Whole(1, 9)}, lambda n: 2e9, lambda **_: "", "", "real", ("", "", ""))
    found = certify("7", node.answer, Graph((node,), ()), {"p": big}.__getitem__, Random(1), Limits())
    assert found.reason == "answer out of bounds"


@pytest.mark.parametrize("text", ["{3, 5}", "{5, 3}", "(3, 5)", "[ 3,5 ]"])
def test_a_set_that_the_statement_prints_in_any_brackets_and_order_is_an_answer_printed(text: str) -> None:
    pair = replace(family(lambda n: (3, n), {"n": Whole(4, 900)}), kind="set")
    last = family(lambda x: 7 * x + 1, {"x": Whole(1, 5000)})
    nodes = (
        Node("p", "p", {"n": 5}, Answer("set", "{3, 5}")),
        Node("c", "c", {"x": 905}, Answer("integer", "6336")),
    )
    graph = Graph(nodes, (Link(0, 1, "x", Adapter("total", (897,)), "value-changing"),))
    programs: dict[str, Program] = {"p": pair, "c": last}
    given = "Given 5 and 897."
    assert certify(given, nodes[1].answer, graph, programs.__getitem__, "row").reason is None
    assert (
        certify(f"{given} Not {text}.", nodes[1].answer, graph, programs.__getitem__, "row").reason == "answer printed"
    )
    assert certify(f"{given} Not (3, 5, 6).", nodes[1].answer, graph, programs.__getitem__, "row").reason is None


def test_a_certificate_follows_from_the_row_id_and_its_limits_come_back_from_its_record(
    problems: list[Problem],
) -> None:
    first, again, other = (
        certify(problems[0].statement, problems[0].answer, problems[0].graph, resolve, name) for name in ("a", "a", "b")
    )
    assert first == again
    assert first.truth_recomputed
    assert other.truth_recomputed
    assert limits_of(certificate_record(first)) == STANDARD
    stricter = Limits(perturbations=20, unread=0.1)
    assert limits_of(certificate_record(first, stricter)) == stricter
    for wrong in ({"perturbations": 10**9}, {"perturbations": True}, {"unread": "0"}, {"nothing": 1}, 7):
        with pytest.raises(ValueError, match=r"limits|changes"):
            limits_of({"limits": wrong})
