"""Step-level checks of worked solutions against the graph's own answers."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from catena.adapters import adapt
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import Form, compose_problem
from catena.generators.graphs import Shape
from catena.generators.sources import prepare
from catena.graphs import UNDEFINED, active_links, graph_from_text, graph_text, incoming_links, inside, solve_node
from catena.process_reading import part_names
from catena.process_truth import ProcessCheck, check_process, required_nodes
from catena.programs import Program
from catena.records import Graph, Problem, Value
from catena.values import say

PREPARED = [prepare(family) for family in families().values()]
POOLS = Pools([one for one in PREPARED if one.can_be_parent], [one for one in PREPARED if one.links], 0.3, 1e9)
SYMBOLIC = [one for one in PREPARED if one.source.compact is not None and one.can_be_parent and one.links]
COMPACT = Pools(SYMBOLIC, SYMBOLIC, 0.0, 1e9, True)
FORMS: list[tuple[Shape, int]] = [("serial", 4), ("dag", 4), ("conditional", 4), ("hidden-order", 4), ("backward", 4)]


def resolve(program: str) -> Program:
    return families()[program.removeprefix("family:")]


def composed(seed: str, number: int, *, style: str = "prose") -> Iterator[Problem]:
    for index in range(number):
        shape, horizon = FORMS[index % len(FORMS)]
        rng = Random(f"{seed} {index}")
        if style == "compact":
            draw = compose_problem(COMPACT, 4, rng, style="compact")
        else:
            draw = compose_problem(POOLS, horizon, rng, form=Form(shape, distractors=index % 2))
        if draw.problem is not None:
            yield draw.problem


def one_chain(seed: str = "chain") -> Problem:
    draw = compose_problem(COMPACT, 3, Random(seed), style="compact")
    assert draw.problem is not None
    return draw.problem


def checked(problem: Problem, text: str) -> ProcessCheck:
    return check_process(graph_from_text(graph_text(problem.graph)), problem.statement, text, resolve)


def with_error(problem: Problem, node: int) -> tuple[str, dict[int, int]] | None:
    """The compact solution with one wrong answer that is carried on, and what is stated of every node."""
    graph, stated, lines = problem.graph, dict[int, Value](), list[str]()
    names = {place: name for name, place in part_names(graph, problem.statement).items()}
    for index, (item, links) in enumerate(zip(graph.nodes, incoming_links(graph), strict=True)):
        values, program = dict(item.values), resolve(item.program)
        for link in active_links(links, stated):
            values[link.parameter] = adapt(link.adapter, stated[link.parent])
        try:
            if not inside(program, values):
                return None
            answer = solve_node(program, values)
        except UNDEFINED:
            return None
        assert isinstance(answer, int)
        stated[index] = answer + (index == node)
        form = families()[item.source].compact
        assert form is not None
        said = form.format_map({name: say(value) for name, value in values.items()})
        lines.append(f"{names[index]}={said}={stated[index]};")
    return "".join(lines), {index: value for index, value in stated.items() if isinstance(value, int)}


def test_right_solutions_of_every_shape_score_one() -> None:
    for problem in composed("right", 30):
        found = checked(problem, f"{problem.solution}\n<answer>{problem.answer}</answer>")
        assert (found.coverage, found.first_wrong, found.accepted) == (1.0, None, True), problem.solution
        assert all(found.rewards()[node] == 1.0 for node in required_nodes(problem.graph))


def test_right_compact_solutions_score_one() -> None:
    assert all(checked(problem, problem.solution).accepted for problem in composed("c", 30, style="compact"))


def test_a_planted_error_is_located_and_what_follows_from_it_is_carried() -> None:
    planted = located = 0
    for problem in composed("planted", 60, style="compact"):
        node = planted % 3
        made = with_error(problem, node)
        if made is None:
            continue
        planted += 1
        found = checked(problem, made[0])
        located += found.first_wrong == node and found.nodes[node].state == "wrong"
        for later in range(node + 1, len(problem.graph.nodes)):
            same = str(made[1][later]) == problem.graph.nodes[later].answer.value
            assert found.nodes[later].state == ("right" if same else "carried")
    assert located == planted > 40


def test_a_second_error_after_a_carried_one_is_an_own_error() -> None:
    problem = next(one for one in composed("two", 20, style="compact") if with_error(one, 0))
    made = with_error(problem, 0)
    assert made is not None
    text, stated = made
    last = len(problem.graph.nodes) - 1
    found = checked(problem, text.removesuffix(f"={stated[last]};") + f"={stated[last] + 1};")
    assert [found.nodes[0].state, found.nodes[last].state] == ["wrong", "wrong"]
    assert found.first_wrong == 0
    assert found.rewards(carried=0.5)[1] == 0.5


def test_without_programs_a_carried_error_is_unclear() -> None:
    problem = next(one for one in composed("two", 20, style="compact") if with_error(one, 0))
    made = with_error(problem, 0)
    assert made is not None
    found = check_process(problem.graph, problem.statement, made[0])
    assert (found.nodes[0].state, found.nodes[1].state, found.first_wrong) == ("wrong", "unclear", 0)


@pytest.mark.parametrize("text", ["", "I do not know.", "Part A: see above\nPart B: trivial", "\x00" * 50, "Part Z: 5"])
def test_where_nothing_is_stated_nothing_is_decided(text: str) -> None:
    found = checked(next(composed("empty", 1)), text)
    assert (found.coverage, found.accepted, found.first_wrong) == (0.0, None, None)
    assert set(found.rewards()) == {None}


def test_a_number_that_only_contains_the_answer_is_wrong() -> None:
    problem = one_chain()
    last = problem.graph.nodes[-1].answer.value
    for near in (f"{last}0", f"1{last}", f"{last}.5", f"-{last}" if last[0] != "-" else last[1:]):
        text = problem.solution.removesuffix(f"={last};") + f"={near};"
        assert checked(problem, text).first_wrong == len(problem.graph.nodes) - 1, near


def test_a_cut_off_solution_is_undecided_and_covers_what_it_reached() -> None:
    problem = one_chain()
    found = checked(problem, problem.solution[: problem.solution.index(";") + 1])
    assert found.accepted is None
    assert found.coverage == pytest.approx(1 / 3)


def test_answers_listed_before_what_they_need_earn_nothing() -> None:
    problem = one_chain()
    steps = [step for step in problem.solution.split(";") if step]
    found = checked(problem, ";".join(reversed(steps)) + ";")
    assert found.coverage < 1
    assert found.accepted is None
    assert None in found.rewards()


def test_a_later_correction_of_a_part_counts() -> None:
    problem = next(composed("prose", 1))
    lines = problem.solution.splitlines()
    wrong = "Part A: A first guess is that it is 123454321.\nWait, that is not right.\n"
    found = checked(problem, wrong + "\n".join(lines))
    assert found.accepted is True


def test_markdown_headings_say_which_part_is_meant() -> None:
    problem = next(composed("prose", 1))
    names = {node: name for name, node in part_names(problem.graph, problem.statement).items()}
    text = "\n\n".join(
        f"### Part {names[node]}\nSo we get **{item.answer}**."
        for node, item in enumerate(problem.graph.nodes)
        if item.answer.kind != "boolean"
    )
    assert checked(problem, text + "\n\nFinal answer: 1").coverage == 1.0


def test_values_in_another_unit_or_rounded_are_right() -> None:
    weights = [one for one in PREPARED if one.source.unit == "g" and one.source.kind == "integer"]
    problem = compose_problem(Pools(weights, weights, 0.0, 1e9), 2, Random("units")).problem
    assert problem is not None
    grams = int(problem.graph.nodes[0].answer.value)
    kilograms = f"{grams // 1000}.{grams % 1000:03}"
    assert checked(problem, f"Part A: It weighs = {kilograms} kg.").nodes[0].state == "right"
    assert checked(problem, f"Part A: It weighs = {grams} kg.").nodes[0].state == "wrong"


def test_a_text_without_parts_is_searched_and_never_called_wrong() -> None:
    problem = next(one for one in composed("prose", 10) if one.graph.shape == "serial")
    answers = [item.answer for item in problem.graph.nodes]
    found = checked(problem, "\n".join(f"Then it is {answer}." for answer in answers))
    assert not found.labelled
    assert (found.coverage, found.first_wrong) == (1.0, None)
    assert checked(problem, "Then it is 5. Then it is 7.").first_wrong is None


def test_hostile_text_costs_little_and_decides_nothing() -> None:
    problem = next(composed("prose", 1))
    for text in ("Part A: " * 50_000, "Part A: is " + "1" * 300_000, "=" * 300_000, "Part A: (" + "1," * 100_000):
        assert checked(problem, text).accepted is not True


def test_an_untaken_branch_is_not_required() -> None:
    graph: Graph = next(one.graph for one in composed("branch", 20) if one.graph.shape == "conditional")
    first = next(link for link in graph.links if link.when is not None)
    one_choice = tuple(link for link in graph.links if link.when is None or link.parameter == first.parameter)
    branches = {link.parent for link in one_choice if link.when is not None}
    required = required_nodes(replace(graph, links=one_choice))
    assert len(branches) == 2
    assert len(branches & required) == 1


def test_programs_that_cannot_be_found_leave_carried_errors_unclear() -> None:
    def missing(text: str) -> Program:
        raise KeyError(text)

    problem = next(one for one in composed("two", 20, style="compact") if with_error(one, 0))
    made = with_error(problem, 0)
    assert made is not None
    assert check_process(problem.graph, problem.statement, made[0], missing).nodes[1].state == "unclear"
