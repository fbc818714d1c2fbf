import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.adapters import adapt
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import compose_problem, problem_id
from catena.graphs import graph_from_text, graph_text, horizon_of
from catena.records import Problem, Value
from catena.seeds import stream_for
from catena.values import value_text


def truths(problem: Problem) -> list[Value]:
    """Every node's answer, recomputed by the families from the graph alone, links followed by hand."""
    answers: list[Value] = []
    for index, node in enumerate(problem.graph.nodes):
        family = families()[node.source]
        values = dict(node.values)
        for link in problem.graph.links:
            if link.child == index:
                values[link.parameter] = adapt(link.adapter, answers[link.parent])
        assert all(family.parameters[name].contains(value) for name, value in values.items())
        assert family.constraint is None or family.constraint(**values)
        answers.append(family.solve(**values))
    return answers


def test_truth_holds_through_the_whole_chain(problems: list[Problem]) -> None:
    assert len(problems) > 300
    for problem in problems:
        answers = truths(problem)
        last = families()[problem.graph.nodes[-1].source]
        assert value_text(answers[-1], last.kind) == problem.answer.value
        assert problem.topic == last.topic


def test_no_answer_is_printed_in_the_statement(problems: list[Problem]) -> None:
    for problem in problems:
        if problem.horizon == 1:
            continue
        printed = {text.replace(",", "") for text in re.findall(r"\d[\d,]*(?:\.\d+)?", problem.statement)}
        for node in problem.graph.nodes:
            assert node.answer.value.lstrip("-") not in printed, problem.statement


def test_horizon_is_the_longest_path_and_links_are_serial(problems: list[Problem]) -> None:
    for problem in problems:
        assert horizon_of(problem.graph) == problem.horizon == len(problem.graph.nodes)
        assert [(link.parent, link.child) for link in problem.graph.links] == [
            (index, index + 1) for index in range(problem.horizon - 1)
        ]


def test_both_link_kinds_and_many_adapters_occur_across_topics(problems: list[Problem]) -> None:
    links = [link for problem in problems for link in problem.graph.links]
    assert {link.kind for link in links} == {"value-changing", "value-preserving"}
    assert {"identity", "rounded", "scale", "quotient"} <= {link.adapter.op for link in links}
    crossing = [problem for problem in problems if len({node.source for node in problem.graph.nodes}) > 1]
    assert len(crossing) >= sum(problem.horizon > 1 for problem in problems)


def test_a_carried_quantity_is_named_and_introduced(problems: list[Problem]) -> None:
    for problem in problems:
        for index in range(1, problem.horizon):
            part = re.search(rf"Part {chr(65 + index)}: (.*)\n", problem.statement)
            assert part is not None
            introduced = re.match(
                r"(?:Let|Here|Take) ([A-Z]) (?:be|stands for|to be) .*?found in Part ([A-Z])", part[1]
            )
            assert introduced is not None, part[1]
            assert introduced[2] == chr(64 + index)
            assert len(re.findall(rf"(?<![A-Za-z]){introduced[1]}(?![a-z])", part[1])) >= 2


def test_value_preserving_links_leave_the_childs_own_number(problems: list[Problem]) -> None:
    for problem in problems:
        answers = truths(problem)
        for link in problem.graph.links:
            if link.kind == "value-preserving":
                assert (
                    adapt(link.adapter, answers[link.parent]) == problem.graph.nodes[link.child].values[link.parameter]
                )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**40), horizon=st.integers(1, 16))
def test_the_same_stream_gives_the_same_problem_and_graphs_survive_text(pools: Pools, seed: int, horizon: int) -> None:
    first, second = (compose_problem(pools, horizon, stream_for(seed, "x")).problem for _ in range(2))
    assert first == second
    if first is not None:
        assert graph_from_text(graph_text(first.graph)) == first.graph
        truths(first)


@pytest.mark.parametrize("horizon", [0, 65, -1])
def test_an_impossible_horizon_is_refused(pools: Pools, horizon: int) -> None:
    with pytest.raises(ValueError, match=r"horizon must be in \[1, 64\]"):
        compose_problem(pools, horizon, stream_for(1, "x"))


def test_ids_follow_content(problems: list[Problem]) -> None:
    ids = [problem_id(problem) for problem in problems]
    assert len(set(ids)) == len(ids)
    assert problem_id(problems[0]) == ids[0]


def test_compact_chains_can_be_worked_by_reading_them(compact_pools: Pools) -> None:
    for index in range(200):
        horizon = 1 + index % 8
        problem = compose_problem(compact_pools, horizon, stream_for(3, "compact", index), style="compact").problem
        assert problem is not None
        known: dict[str, int] = {}
        *definitions, asked = problem.statement.split(";")
        for definition in definitions:
            name, left, sign, right = re.fullmatch(r"([a-z])=([a-z]|\d+)([+-])(\d)", definition).groups()  # type: ignore[union-attr]
            value = known[left] if left.isalpha() else int(left)
            known[name] = (value + (int(right) if sign == "+" else -int(right))) % 100
        assert str(known[asked.rstrip("?")]) == problem.answer.value
        assert len(known) == horizon
        assert problem.solution.count("=") == 2 * horizon


def test_prose_only_families_cannot_be_said_compactly(pools: Pools) -> None:
    with pytest.raises(ValueError, match="no compact form"):
        compose_problem(pools, 2, stream_for(1, "x"), style="compact")


def test_graph_text_that_is_not_a_graph_is_refused() -> None:
    for text in ("", "[]", "{}", '{"shape":"serial","nodes":[],"links":[[0,1,"x","identity",[0],"value-changing"]]}'):
        with pytest.raises(ValueError, match=r"not a problem graph|does not fit"):
            graph_from_text(text)


def test_fractions_travel_exactly(problems: list[Problem]) -> None:
    found = [value for problem in problems for node in problem.graph.nodes for value in node.values.values()]
    assert any(isinstance(value, Fraction) for value in found)


@pytest.mark.parametrize("horizon", range(1, 17))
def test_two_families_listed_often_make_chains_of_any_horizon(compact_pools: Pools, horizon: int) -> None:
    crowded = replace(compact_pools, any_node=[*compact_pools.any_node] * 3)
    draws = [compose_problem(crowded, horizon, stream_for(4, "crowded", index), style="compact") for index in range(10)]
    assert all(draw.problem is not None for draw in draws)
