"""The step `panel` on single rows: whom it asks, when it stops, what it makes of what they say."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from catena.asking import Desk, Model
from catena.budget import Budget, Limits
from catena.engines.base import Completion, Request, Sampling
from catena.engines.models import ModelSpec, Price
from catena.errors import EngineError
from catena.flows.panel_items import KIND, UNNAMED, planted_item, planted_truth
from catena.generators.trajectories import Solve
from catena.ledger import open_ledger
from catena.records import Answer, Draft
from catena.streaming import Failure, Filtered, Outcome, Step, Stream
from catena.validators.panel import Panel
from catena.validators.panel_rates import Tally, added, not_asked, rates_for
from catena.validators.panel_rows import groups_of
from tests.scripted import Reply, ScriptedEngine, said

Says = Callable[[Request], str | Exception | Completion]
Make = Callable[[dict[str, Model]], Step]
ROW = Draft("row", 0, ("physics", "mechanics", "free fall"), "What is 6 times 7?", Answer("integer", "42"), model="w")
GOOD = [
    Tally("validity", voter, "physics", 20, 1, 40, 1) for voter in ("ja", "jb", "jc")
] + [Tally("blind solve", voter, "physics", 40, 1, 20, 2, 0, 40, 36, 20, 1) for voter in ("sa", "sb", "sc")]  # fmt: skip


def posed(well: bool, on_topic: bool = True) -> str:
    return json.dumps({"reason": "because", "well_posed": well, "on_topic": on_topic})


def kind_of(request: Request) -> str:
    return "solve" if request.schema is None else request.schema.name


def usual(**solves: str) -> Says:
    """Every judge says yes, every solver 42 but those named."""

    def answer(request: Request) -> str:
        if kind_of(request) == "panel-validity":
            return posed(True)
        return f"so <answer>{solves.get(request.model, '42')}</answer>"

    return answer


def panel(**more: object) -> Make:
    def make(models: dict[str, Model]) -> Step:
        judges, solvers = (tuple(models[name] for name in names) for names in (("ja", "jb", "jc"), ("sa", "sb", "sc")))
        named = {name: models[name] for name in ("judge", "checker") if more.get(name)}
        return Panel(judges, solvers, **{"tallies": tuple(GOOD), **more, **named})  # type: ignore[arg-type]

    return make


def run(
    folder: Path, makes: list[Make], says: Says, draft: Draft = ROW, tries: int = 1
) -> tuple[Outcome, list[Request]]:
    """What became of a row, and all requests; prices differ so that the order is known."""

    def script(request: Request) -> Reply:
        reply = says(request)
        return said(reply) if isinstance(reply, str) else reply

    async def go() -> Outcome:
        ledger = open_ledger(str(folder / "ledger.db"))
        desk = Desk(ledger, Budget(Limits()), seed=5)
        names = ("ja", "jb", "jc", "sa", "sb", "sc", "judge", "checker")
        specs = [ModelSpec(name, name, price=Price(1 + at, 1 + at)) for at, name in enumerate(names)]
        models = {one.name: Model(one, engine, desk, Sampling(max_tokens=99), tries=tries) for one in specs}
        try:
            return (await Stream([make(models) for make in makes], desk).shard([draft]))[0]
        finally:
            ledger.close()

    engine = ScriptedEngine(script)
    return asyncio.run(go()), engine.asked


def test_an_easy_row_costs_one_vote_for_each_question_and_keeps_both(tmp_path: Path) -> None:
    found, asked = run(tmp_path, [panel()], usual())
    assert found.end is None
    assert [(kind_of(one), one.model) for one in asked] == [("panel-validity", "ja"), ("solve", "sa")]
    assert [(one.verifier, one.question, one.decision) for one in found.draft.votes] == [
        ("ja", "validity", "accept"),
        ("sa", "blind solve", "accept"),
        ("panel", "triage", "accept"),
    ]
    assert found.draft.votes[-1].evidence.startswith("accepted: ")


def test_with_everything_everybody_is_asked_everything(tmp_path: Path) -> None:
    found, asked = run(tmp_path, [panel(everything=True, samples=2)], usual())
    assert len(asked) == 3 + 3 * 2
    assert len(found.draft.votes) == 10


def test_nobody_but_the_comparing_judge_sees_the_key(tmp_path: Path) -> None:
    draft = Draft("row", 0, (), "What is 6 times 7?", Answer("integer", "424242"))
    _, asked = run(tmp_path, [panel(everything=True)], usual(), draft)
    assert all("424242" not in turn.content for one in asked for turn in one.messages)


def test_a_wrong_key_is_proposed_to_be_another_and_stays_as_it_is(tmp_path: Path) -> None:
    found, asked = run(tmp_path, [panel()], usual(sa="41", sb="41", sc="41"))
    assert isinstance(found.end, Filtered)
    assert found.end.reason == "wrong key"
    told = json.loads(found.end.detail)
    assert (told["proposal"], told["key"], found.draft.answer) == ("41", "42", ROW.answer)
    assert len(told["votes"]) == len(asked) + 1
    assert len(asked) < 9


def test_a_problem_that_is_surely_ill_posed_is_not_solved(tmp_path: Path) -> None:
    found, asked = run(tmp_path, [panel()], lambda request: posed(False))
    assert isinstance(found.end, Filtered)
    assert found.end.reason == "ambiguous"
    assert {kind_of(one) for one in asked} == {"panel-validity"}


def test_judges_that_disagree_are_settled_by_solvers_that_meet_the_key(tmp_path: Path) -> None:
    def answering(solved: str) -> Says:
        votes = {"ja": posed(False), "jb": posed(True), "jc": "no JSON"}
        return lambda request: votes.get(request.model, f"<answer>{solved}</answer>")

    found, asked = run(tmp_path / "met", [panel()], answering("42"))
    assert found.end is None
    assert "solve" in {kind_of(one) for one in asked}
    unmet, _ = run(tmp_path / "unmet", [panel()], answering("7"))
    assert isinstance(unmet.end, Filtered)


@pytest.mark.parametrize("reply", ["no JSON at all", said("", "content_filter"), said("{", "length")])
def test_an_unusable_vote_is_an_abstention_and_others_decide(tmp_path: Path, reply: str | Completion) -> None:
    found, asked = run(tmp_path, [panel()], lambda one: reply if one.model == "ja" else str(usual()(one)))
    assert found.end is None
    assert found.draft.votes[0].decision == "undecided"
    assert [one.model for one in asked].count("jb") == 1


def test_a_row_that_lacks_a_vote_for_want_of_a_connection_fails_and_can_be_tried_again(tmp_path: Path) -> None:
    lost = EngineError("connection", "gone", model="s")
    found, _ = run(tmp_path, [panel()], lambda one: lost if kind_of(one) == "solve" else posed(True))
    assert isinstance(found.end, Failure)
    assert (found.end.cause, found.end.retryable) == ("connection", True)


def test_a_voter_that_failed_its_planted_rows_is_not_asked_on_that_subject(tmp_path: Path) -> None:
    bad = Tally("validity", "ja", "physics", wrong=30, wrong_accepted=30, right=30)
    tallies = (*GOOD[1:], bad, Tally("validity", "ja", "biology", wrong=30, wrong_accepted=1, right=30))
    _, asked = run(tmp_path / "p", [panel(tallies=tallies, everything=True)], usual())
    assert "ja" not in {one.model for one in asked}
    other = Draft("row", 0, ("biology", "cells", "mitosis"), "What is 6 times 7?", Answer("integer", "42"))
    _, asked = run(tmp_path / "b", [panel(tallies=tallies, everything=True)], usual(), other)
    assert "ja" in {one.model for one in asked}


def test_blind_solves_are_the_requests_of_the_step_solve(tmp_path: Path) -> None:
    solve: Make = lambda models: Solve((models["sa"],), 1)  # noqa: E731
    found, asked = run(tmp_path, [solve, panel()], usual())
    assert found.end is None
    assert [kind_of(one) for one in asked] == ["solve", "panel-validity"]


def test_a_judge_compares_only_what_comparison_cannot_decide(tmp_path: Path) -> None:
    match = json.dumps({"extracted": "42", "reason": "it ends so", "verdict": "correct"})

    def answer(request: Request) -> str:
        if kind_of(request) == "match":
            return match
        return posed(True) if kind_of(request) == "panel-validity" else "it is what six times seven is"

    found, asked = run(tmp_path, [panel(judge=True)], answer)
    assert found.end is None
    assert [kind_of(one) for one in asked] == ["panel-validity", "solve", "match"]
    assert [one.question for one in found.draft.votes] == ["validity", "blind solve", "match", "triage"]
    assert len(run(tmp_path / "other", [panel(judge=True)], usual())[1]) == 2


@pytest.mark.parametrize(("step", "reason"), [(0, "wrong key"), (1, "undecided"), (7, "undecided")])
def test_a_proposal_stands_only_where_its_solve_has_no_wrong_step(tmp_path: Path, step: int, reason: str) -> None:
    def answer(request: Request) -> str:
        if kind_of(request) == "panel-steps":
            return json.dumps({"reason": "seen", "first_wrong_step": step})
        return str(usual(sa="41", sb="41", sc="41")(request))

    found, _ = run(tmp_path, [panel(checker=True)], answer)
    assert isinstance(found.end, Filtered)
    assert found.end.reason == reason
    assert [one["question"] for one in json.loads(found.end.detail)["votes"]][-2:] == ["step check", "triage"]


def test_a_row_without_an_answer_is_no_matter_for_a_panel(tmp_path: Path) -> None:
    found, asked = run(tmp_path, [panel()], usual(), Draft("row", 0, (), "Why?"))
    assert (found.end, asked) == (Filtered("no key"), [])


def test_answers_that_are_the_same_are_counted_together_and_none_of_them_as_the_key() -> None:
    groups = groups_of(Answer("rational", "1/2"), ["1/2", "0.75", "3/4", "5"])
    assert groups["0.75"] == groups["3/4"] not in ("1/2", "5")
    real = groups_of(Answer("real", "3.14159", "m", 1e-3), ["3.14159 m", "2.7182 m", "2.718 m"])
    assert real["2.7182 m"] == real["2.718 m"] != real["3.14159 m"]
    assert groups_of(Answer("integer", "5"), [None]) == {"5": "5"}


def test_rates_are_drawn_towards_the_usual_by_how_little_is_known() -> None:
    nothing, some = (
        rates_for(tallies, ["v"], "physics")["v"] for tallies in ([], [Tally("validity", "v", "physics", 9, 0, 9, 0)])
    )
    much = rates_for([Tally("validity", "v", "physics", 900, 0, 900, 0)], ["v"], "physics")["v"]
    assert nothing.false_accepts > some.false_accepts > much.false_accepts > 0
    elsewhere = rates_for([Tally("validity", "v", "biology", 900, 0, 900, 0)], ["v"], "physics")["v"]
    assert elsewhere.false_accepts < some.false_accepts


def test_a_solver_that_is_often_wrong_is_still_asked_and_one_that_is_always_wrong_is_not() -> None:
    often = Tally("blind solve", "often", "physics", wrong=60, right=30, right_rejected=18)
    always = Tally("blind solve", "always", "physics", wrong=60, right=30, right_rejected=30)
    assert {voter for _, voter, _ in not_asked([often, always])} == {"always"}


def test_tallies_of_shards_add_up_whatever_their_order() -> None:
    parts = [Tally("validity", "v", subject, number, 1, 2, 1) for subject in ("a", "b") for number in (1, 2, 3)]
    assert added(parts) == added(parts[::-1])
    assert [(one.subject, one.wrong, one.right) for one in added(parts)] == [("a", 6, 6), ("b", 6, 6)]


def test_planted_rows_are_what_they_say_they_are() -> None:
    rows = [planted_item(3, "line", ("physics", "history"), number) for number in range(60)]
    for number, row in enumerate(rows):
        same = row.answer == planted_truth(row)
        assert row.columns[KIND] == ("right", "near miss", "ill-posed")[number % 3]
        assert same == (row.columns[KIND] != "near miss")
        assert (UNNAMED in row.statement) == (row.columns[KIND] == "ill-posed")
        assert "{" not in row.statement
    assert {row.topic[0] for row in rows[:3]} == {"physics"}
    assert len({row.topic[0] for row in rows}) > 2
    assert rows[:20] == [planted_item(3, "line", ("physics", "history"), number) for number in range(20)]


def test_planted_rows_can_come_from_a_data_set_with_right_answers() -> None:
    golds = [Draft(str(at), 0, (), f"What is {at} plus 1?", Answer("integer", str(at + 1))) for at in range(50)]
    rows = [planted_item(3, "line", (), number, golds) for number in range(30)]
    for row in rows:
        known = next((gold for gold in golds if gold.statement == row.statement), None)
        assert (known is None) == (row.columns[KIND] == "ill-posed")
        assert known is None or planted_truth(row) == known.answer


def test_a_panel_without_voters_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 sample"):
        Panel((), (), 0)
