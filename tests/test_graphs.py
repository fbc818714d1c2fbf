"""Graphs of every shape: truth by brute force, near misses, wording, and the shapes themselves."""

import importlib.util
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.generators.atoms.catalog import families
from catena.generators.certified import resolve
from catena.generators.chain import Pools
from catena.generators.composing import COMPACT_SHAPES, Form, compose_problem
from catena.generators.graphs import LEAST_HORIZON, SHAPES, Shape, Skeleton, draw_skeleton, possible
from catena.generators.sources import prepare
from catena.graphs import REPEAT, asked_nodes, graph_from_text, graph_text, horizon_of, needed_nodes, outcomes_of
from catena.records import Adapter, Answer, Certificate, Graph, Problem
from catena.seeds import stream_for
from catena.validators.certificates import Limits, certify

PLACE = Path(__file__).parent.parent / "benchmarks" / "recheck.py"
SPEC = importlib.util.spec_from_file_location("recheck", PLACE)
assert SPEC is not None
assert SPEC.loader is not None
checker: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(checker)


@pytest.fixture(scope="module")
def all_pools(pools: Pools) -> Pools:
    prepared = [prepare(family) for family in families().values()]
    deciders = [one for one in prepared if one.source.kind == "boolean"]
    return replace(
        pools, deciders=deciders, further=[one for one in prepared if one.operations and not one.can_be_parent]
    )


@pytest.fixture(scope="module")
def drawn(all_pools: Pools) -> dict[Shape, list[Problem]]:
    """Problems of every shape at short and middle horizons, with distractors and intermediate answers now and then."""
    found: dict[Shape, list[Problem]] = {}
    for shape in SHAPES:
        for index in range(36):
            horizon = max(LEAST_HORIZON.get(shape, 2), 2 + index % 6)
            form = Form(shape, distractors=index % 3 % 2, intermediate=index % 4 // 2)
            problem = compose_problem(all_pools, horizon, stream_for(7, shape, index), form=form).problem
            if problem is not None:
                found.setdefault(shape, []).append(problem)
    return found


def certificate(problem: Problem, **changes: Any) -> Certificate:
    given = replace(problem, **changes)
    return certify(given.statement, given.answer, given.graph, resolve, stream_for(1, given.statement), Limits())


def granted(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if certificate(problem).reason is None]


@pytest.mark.parametrize("shape", SHAPES)
def test_truth_and_horizon_come_out_when_worked_out_backwards_by_other_code(
    drawn: dict[Shape, list[Problem]], shape: Shape
) -> None:
    assert len(drawn[shape]) >= 24
    for problem in drawn[shape]:
        row = {"graph": graph_text(problem.graph), "answer": problem.answer.value, "horizon": problem.horizon}
        assert checker.recheck(row) is None, problem.statement


@pytest.mark.parametrize("shape", SHAPES)
def test_most_graphs_of_every_shape_are_certified(drawn: dict[Shape, list[Problem]], shape: Shape) -> None:
    assert len(granted(drawn[shape])) >= 0.75 * len(drawn[shape])


@pytest.mark.parametrize("shape", SHAPES)
def test_graphs_survive_their_text_and_have_the_horizon_asked_for(
    drawn: dict[Shape, list[Problem]], shape: Shape
) -> None:
    for problem in drawn[shape]:
        assert graph_from_text(graph_text(problem.graph)) == problem.graph
        assert horizon_of(problem.graph) == problem.horizon
        assert problem.graph.shape == shape


def test_every_link_that_matters_is_necessary_and_links_of_distractors_are_not_counted(
    drawn: dict[Shape, list[Problem]],
) -> None:
    seen = Counter[bool]()
    for problem in (one for problems in drawn.values() for one in granted(problems)):
        needed, found = needed_nodes(problem.graph), certificate(problem)
        for link, share in zip(problem.graph.links, found.necessity, strict=True):
            assert (share >= 0.9) if link.child in needed else (share == 0.0)
            seen[link.child in needed] += 1
    assert seen[True] > 500
    assert seen[False] > 20


def test_the_answer_of_the_branch_that_is_not_taken_is_refused(drawn: dict[Shape, list[Problem]]) -> None:
    checked = 0
    for problem in granted(drawn["conditional"]):
        links = [link for link in problem.graph.links if link.when is not None]
        number = outcomes_of(links[0].when.test) if links[0].when else 0
        swapped = tuple(
            replace(link, when=replace(link.when, argument=(link.when.argument + 1) % number)) if link.when else link
            for link in problem.graph.links
        )
        assert number >= 4
        assert len(links) == 2 * number
        assert certificate(problem, graph=replace(problem.graph, links=swapped)).reason == "truth not reproduced"
        checked += 1
    assert checked > 15


def test_both_branches_of_a_decision_and_the_parent_of_a_loop_carry_a_quantity(
    drawn: dict[Shape, list[Problem]],
) -> None:
    for problem in drawn["conditional"]:
        links = [link for link in problem.graph.links if link.when is not None]
        for outcome in {link.when for link in links}:
            ways = [link for link in links if link.when == outcome]
            assert len({link.parent for link in ways}) == len({link.parameter for link in ways}) == 2
    for problem in drawn["loop"]:
        count = next(link for link in problem.graph.links if link.parameter == REPEAT)
        assert any(
            (link.parent, link.child) == (count.parent, count.child) and link is not count
            for link in problem.graph.links
        )


def test_no_operation_carries_most_links(drawn: dict[Shape, list[Problem]]) -> None:
    links = [link for problems in drawn.values() for problem in problems for link in problem.graph.links]
    shares = Counter(link.adapter.op for link in links)
    assert len(shares) >= 15
    assert shares.most_common(1)[0][1] < 0.4 * len(links)


def test_a_link_that_was_taken_out_or_bent_is_found(drawn: dict[Shape, list[Problem]]) -> None:
    taken = 0
    for shape in ("fan-in", "diamond", "loop", "backward"):
        for problem in granted(drawn[shape])[:8]:
            for at, link in enumerate(problem.graph.links):
                others = problem.graph.links[:at] + problem.graph.links[at + 1 :]
                value = problem.graph.nodes[link.child].values.get(link.parameter)
                told = re.findall(rf"^Part {chr(65 + link.child)}: (.*)$", problem.statement, re.MULTILINE)[0]
                if str(value) not in re.findall(r"\d+", told):
                    assert certificate(problem, graph=replace(problem.graph, links=others)).reason is not None
                    taken += 1
                *arguments, shift = link.adapter.arguments
                bent = replace(link, adapter=Adapter(link.adapter.op, (*arguments, shift + 1)))
                links = (*problem.graph.links[:at], bent, *problem.graph.links[at + 1 :])
                assert certificate(problem, graph=replace(problem.graph, links=links)).reason is not None
    assert taken > 80


def test_a_distractor_that_matters_and_a_node_without_use_are_refused(drawn: dict[Shape, list[Problem]]) -> None:
    reason = "distractor that matters, or a node without use"
    for problem in [one for one in granted(drawn["dag"]) if one.graph.distractors][:8]:
        assert certificate(problem, graph=replace(problem.graph, distractors=())).reason == reason
        needed = min(needed_nodes(problem.graph))
        more = (*problem.graph.distractors, needed)
        assert certificate(problem, graph=replace(problem.graph, distractors=more)).reason == reason
        asked = (*problem.graph.distractors, *asked_nodes(problem.graph))
        answers = [problem.graph.nodes[index].answer.value for index in asked]
        both = Answer("sequence", f"({', '.join(answers)})")
        assert certificate(problem, answer=both, graph=replace(problem.graph, asked=asked)).reason == reason


def test_another_number_of_passes_is_refused(drawn: dict[Shape, list[Problem]]) -> None:
    for problem in granted(drawn["loop"])[:10]:
        at = next(index for index, node in enumerate(problem.graph.nodes) if node.loop is not None)
        node = problem.graph.nodes[at]
        assert node.loop is not None
        again = replace(node, loop=replace(node.loop, times=node.loop.times + 1))
        nodes = (*problem.graph.nodes[:at], again, *problem.graph.nodes[at + 1 :])
        assert certificate(problem, graph=replace(problem.graph, nodes=nodes)).reason == "truth not reproduced"


def test_an_unknown_is_not_printed_its_given_answer_is_and_it_is_the_only_value(
    drawn: dict[Shape, list[Problem]],
) -> None:
    for problem in granted(drawn["backward"]):
        hidden = problem.graph.unknown
        assert hidden is not None
        value, given = problem.graph.nodes[hidden.node].values[hidden.parameter], problem.graph.nodes[hidden.target]
        numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", problem.statement)
        assert str(value) not in numbers
        assert given.answer.value.lstrip("-") in numbers
        told = problem.statement.replace(f"known to be {given.answer.value}", "known")
        assert certificate(problem, statement=told).reason == "number not printed"
        assert certificate(problem, statement=f"{problem.statement} ({value})").reason == "answer printed"


def test_an_unknown_with_two_solutions_is_refused(drawn: dict[Shape, list[Problem]]) -> None:
    """The first link is made so coarse that other values of the unknown give the same later answer."""
    refused = 0
    for problem in granted(drawn["backward"]):
        hidden = problem.graph.unknown
        assert hidden is not None
        first = next(link for link in problem.graph.links if link.parent == hidden.node and link.child <= hidden.target)
        carried = problem.graph.nodes[first.child].values[first.parameter]
        coarse = replace(first, adapter=Adapter("remainder", (1, int(carried))))  # type: ignore[arg-type]
        links = tuple(coarse if link == first else link for link in problem.graph.links)
        part = f"Part {chr(65 + first.child)}: "
        text = problem.statement.replace(part, f"{part}(1, {carried}) ", 1)
        reason = certificate(problem, statement=text, graph=replace(problem.graph, links=links)).reason
        refused += reason == "unknown not unique"
        assert reason in ("unknown not unique", "answer printed")
    assert refused > 5


def test_intermediate_answers_are_asked_for_in_order_of_the_parts(drawn: dict[Shape, list[Problem]]) -> None:
    several = [one for problems in drawn.values() for one in problems if len(one.graph.asked) > 1]
    assert len(several) > 50
    for problem in several:
        values = [problem.graph.nodes[index].answer.value for index in problem.graph.asked]
        assert problem.answer == Answer("sequence", f"({', '.join(values)})")
        assert "as a list in parentheses" in problem.statement
        order = problem.graph.order or tuple(range(len(problem.graph.nodes)))
        names = [chr(65 + order.index(index)) for index in problem.graph.asked]
        asked = problem.statement.rsplit("\n", 1)[1]
        assert re.findall(r"\b[A-Z]\b", asked) == names


def test_every_part_is_listed_once_and_hidden_orders_are_shuffled(drawn: dict[Shape, list[Problem]]) -> None:
    for shape, problems in drawn.items():
        for problem in problems:
            parts = re.findall(r"^Part ([A-Z]):", problem.statement, re.MULTILINE)
            assert parts == [chr(65 + index) for index in range(len(problem.graph.nodes))]
            assert bool(problem.graph.order) == (shape == "hidden-order")
            assert shape != "hidden-order" or list(problem.graph.order) != sorted(problem.graph.order)


def test_solutions_work_out_what_is_needed_and_end_in_the_answer(drawn: dict[Shape, list[Problem]]) -> None:
    for problem in (one for problems in drawn.values() for one in problems):
        worked = re.findall(r"^Part ([A-Z]):", problem.solution, re.MULTILINE)
        assert len(worked) == len(set(worked)) == len(problem.graph.nodes) - len(problem.graph.distractors)
        last = problem.graph.nodes[-1].answer
        assert last.kind not in ("integer", "rational") or last.value.lstrip("-") in problem.solution.replace(",", "")


@settings(max_examples=150, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    horizon=st.integers(1, 64),
    size=st.none() | st.integers(1, 64),
    distractors=st.integers(0, 4),
    seed=st.integers(0, 2**30),
)
def test_a_skeleton_has_the_horizon_and_size_asked_for_or_is_refused(
    shape: Shape, horizon: int, size: int | None, distractors: int, seed: int
) -> None:
    if not possible(shape, horizon, size, distractors):
        with pytest.raises(ValueError, match="no graph of shape"):
            draw_skeleton(shape, horizon, Random(seed), size=size, distractors=distractors)
        return
    skeleton = draw_skeleton(shape, horizon, Random(seed), size=size, distractors=distractors, widest_end=3)
    assert size is None or len(skeleton.edges) == size
    assert longest(skeleton) == horizon
    assert len(skeleton.distractors) == distractors
    used = {parent for index, edges in enumerate(skeleton.edges) if index not in skeleton.distractors
            for edge in edges for parent in edge.parents}  # fmt: skip
    inner = set(range(len(skeleton.edges))) - set(skeleton.asked) - set(skeleton.distractors)
    assert inner - used <= ({skeleton.unknown[1]} if skeleton.unknown else set())
    assert used.isdisjoint(skeleton.distractors)


def longest(skeleton: Skeleton) -> int:
    """Nodes on the longest path to a wanted node; the inverted block of a backward graph counts as one step of its size."""
    depth: list[int] = []
    for index, edges in enumerate(skeleton.edges):
        assert all(parent < index for edge in edges for parent in edge.parents)
        depth.append(1 + max((depth[parent] for edge in edges for parent in edge.parents), default=0))
        if skeleton.unknown is not None and index == skeleton.unknown[1]:
            depth[: index + 1] = [
                depth[index] if place in block(skeleton) else depth[place] for place in range(index + 1)
            ]
    return max(depth[index] for index in skeleton.asked)


def block(skeleton: Skeleton) -> set[int]:
    assert skeleton.unknown is not None
    first, node = skeleton.unknown
    found = {node}
    while node != first:
        node = skeleton.edges[node][0].parent
        found.add(node)
    return found


@settings(max_examples=40, deadline=None)
@given(shape=st.sampled_from(SHAPES), horizon=st.integers(3, 24), seed=st.integers(0, 2**40))
def test_random_graphs_come_out_by_other_code(all_pools: Pools, shape: Shape, horizon: int, seed: int) -> None:
    form = Form(shape, distractors=seed % 3, intermediate=seed % 2)
    problem = compose_problem(all_pools, horizon, stream_for(seed, "random"), form=form).problem
    if problem is not None:
        row = {"graph": graph_text(problem.graph), "answer": problem.answer.value, "horizon": horizon}
        assert checker.recheck(row) is None
        assert certificate(problem).truth_recomputed


@pytest.mark.parametrize("shape", COMPACT_SHAPES)
def test_compact_graphs_can_be_worked_by_reading_them(compact_pools: Pools, shape: Shape) -> None:
    for index in range(60):
        form = Form(shape, distractors=index % 3, intermediate=index % 2)
        problem = compose_problem(
            compact_pools, 2 + index % 7, stream_for(3, shape, index), style="compact", form=form
        ).problem
        assert problem is not None
        *definitions, asked = problem.statement.split(";")
        waiting = dict(definition.split("=") for definition in definitions)
        known: dict[str, int] = {}
        while len(known) < len(waiting):
            for name, text in waiting.items():
                left, sign, right = re.fullmatch(r"([a-z]|\d+)([+-])(\d)", text).groups()  # type: ignore[union-attr]
                if left.isdigit() or left in known:
                    value = int(left) if left.isdigit() else known[left]
                    known[name] = (value + (int(right) if sign == "+" else -int(right))) % 100
        answers = [str(known[name]) for name in asked.rstrip("?").split(",")]
        assert problem.answer.value in (answers[0], f"({', '.join(answers)})")


def test_shapes_without_a_compact_form_are_refused(compact_pools: Pools) -> None:
    with pytest.raises(ValueError, match="has no compact form"):
        compose_problem(compact_pools, 3, stream_for(1, "x"), style="compact", form=Form("diamond"))


def test_graphs_of_64_nodes_are_made_and_certified(all_pools: Pools) -> None:
    for shape in ("serial", "fan-in", "hidden-order"):
        problems = [
            compose_problem(all_pools, 64 if shape == "serial" else 40, stream_for(5, shape, index),
                            form=Form(shape, size=64)).problem
            for index in range(4)
        ]  # fmt: skip
        made = [problem for problem in problems if problem is not None]
        assert made
        assert all(len(problem.graph.nodes) == 64 for problem in made)
        assert any(certificate(problem).reason is None for problem in made)


def test_a_decision_that_lacks_an_outcome_or_has_one_twice_is_refused(drawn: dict[Shape, list[Problem]]) -> None:
    for problem in granted(drawn["conditional"])[:5]:
        last = max(link.when.argument for link in problem.graph.links if link.when)
        fewer = tuple(link for link in problem.graph.links if not link.when or link.when.argument < last)
        twice = tuple(
            replace(link, when=replace(link.when, argument=0)) if link.when and link.when.argument == last else link
            for link in problem.graph.links
        )
        for links in (fewer, twice):
            assert certificate(problem, graph=replace(problem.graph, links=links)).reason == "quantity carried twice"


def test_a_quantity_that_two_links_carry_at_once_is_refused(drawn: dict[Shape, list[Problem]]) -> None:
    for problem in granted(drawn["conditional"])[:5]:
        links = tuple(replace(link, when=None) for link in problem.graph.links)
        assert certificate(problem, graph=replace(problem.graph, links=links)).reason == "quantity carried twice"


@pytest.mark.parametrize(
    "text",
    [
        '{"shape":"dag","nodes":[],"links":[],"asked":[3]}',
        '{"shape":"dag","nodes":[],"links":[],"unknown":[0,"x",1]}',
        '{"shape":"dag","nodes":[],"links":[],"order":["b"]}',
    ],
)
def test_a_graph_that_names_nodes_which_are_not_there_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a problem graph|does not fit|name another one"):
        graph_from_text(text)
    assert graph_from_text('{"shape":"serial","nodes":[],"links":[]}') == Graph((), ())
