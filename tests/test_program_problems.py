"""Problems with programs: what is read, what a program has to stand, how the row becomes an atom, and what blind solvers say."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from catena import sandbox
from catena.answers import compare
from catena.asking import Desk, Model
from catena.budget import Budget, Limits
from catena.domains import OneOf, Tenths, Whole
from catena.engines.base import Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.engines.rehearsal import program_problems as rehearsed
from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import ModelSettings, RehearsalSettings
from catena.errors import EngineError
from catena.generators import program_problems, program_trials
from catena.generators.chain import Pools
from catena.generators.composing import compose_problem
from catena.generators.program_problems import ATOM, STEPS, WriteProgramProblem, read_problem
from catena.generators.sources import draw_values, prepare
from catena.ledger import open_ledger
from catena.model_atom import ModelAtom
from catena.model_program import KINDS, ModelProgram, ProgramFailed, conform
from catena.prompts import Prompt
from catena.records import Draft
from catena.replies import MalformedReply
from catena.seeds import stream_for
from catena.streaming import Filtered
from catena.validators import program_agreement
from catena.validators.certificates import Limits as Demanded
from catena.validators.certificates import certify
from catena.validators.program_agreement import CheckProgram
from tests.scripted import ScriptedEngine, said

TOPIC = ("mathematics", "arithmetic", "word problems")
DRAFT = Draft("rows/7", 7, TOPIC)
PROMPT = Prompt.shipped(program_problems.__file__, "write-program-problem")


def whole(name, low, high, value):
    return {
        "name": name,
        "domain": {"form": "whole", "low": low, "high": high, "step": 1, "options": None},
        "value": value,
    }


GOOD = {
    "design": "Product, then difference.",
    "statement": "Ada stacks {a} crates of {b} pears and gives {c} pears away. How many are left?",
    "parameters": [whole("a", 6, 60, 12), whole("b", 7, 48, 30), whole("c", 3, 400, 17)],
    "constraint": "a * b > c",
    "solve": "def solve(a, b, c):\n    return a * b - c\n",
    "steps": "{a} * {b} = {a * b}, and {a * b} - {c} = {answer}.",
    "noun": "the number of pears left",
    "answer_type": "integer",
    "answer": "343",
    "unit": None,
}
GOOD_TRUTH = lambda a, b, c: a * b - c  # noqa: E731


def reply(**changes):
    return said(json.dumps({**GOOD, **changes}))


async def modelled(engine, use, tmp_path, spec=None):
    """What `use` makes of a model that `engine` serves."""
    ledger = open_ledger(str(tmp_path / "ledger.db"))
    try:
        desk = Desk(ledger, Budget(Limits()), seed=5)
        return await use(Model(spec or ModelSpec("m", "org/m"), engine, desk, Sampling(), tries=1))
    finally:
        await engine.close()
        ledger.close()


def write(completion, tmp_path):
    engine = ScriptedEngine(lambda _: completion)
    step = lambda model: WriteProgramProblem(model, "graduate", PROMPT)(DRAFT)  # noqa: E731
    return asyncio.run(modelled(engine, step, tmp_path))


def check(draft, answer, tmp_path, **settings):
    """`check-program` with a solver that says what `answer` makes of a request's prompt."""
    engine = ScriptedEngine(lambda request: answer(request.messages[-1].content))
    return asyncio.run(modelled(engine, lambda model: CheckProgram((model,), **settings)(draft), tmp_path))


@pytest.fixture(scope="module", autouse=True)
def short_limits():
    sandbox.use_sandbox(1, sandbox.Limits(time_s=0.3))
    yield
    sandbox.use_sandbox(1)


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    return write(reply(), tmp_path_factory.mktemp("row"))


def test_a_good_problem_becomes_an_atom(row):
    assert row.statement == "Ada stacks 12 crates of 30 pears and gives 17 pears away. How many are left?"
    assert (row.answer.kind, row.answer.value, row.model) == ("integer", "343", "org/m")
    assert row.columns[STEPS] == "12 * 30 = 360, and 360 - 17 = 343."


def test_an_atom_tells_solves_and_works_out_any_values(row):
    atom = ModelAtom.from_text(row.columns[ATOM])
    values = {"a": 20, "b": 10, "c": 1}

    assert atom.tell(values).startswith("Ada stacks 20 crates of 10 pears and gives 1 pears")
    assert atom.solve(**values) == 199
    assert atom.steps(**values) == "20 * 10 = 200, and 200 - 1 = 199."
    assert atom.constraint(**values)
    assert not atom.constraint(a=6, b=7, c=42)


def resolve(program):
    return ModelProgram.from_text(program)


def test_an_atom_is_a_source_that_composition_can_prepare(row):
    prepared = prepare(ModelAtom.from_text(row.columns[ATOM]))

    assert prepared.can_be_parent
    assert {name for name, _ in prepared.links} == {"a", "b", "c"}


def test_atoms_are_chained_with_recomputed_truth_and_certified(row):
    atom = ModelAtom.from_text(row.columns[ATOM])
    prepared = [replace(prepare(atom), source=replace(atom, name=name)) for name in ("one", "two", "three")]
    pools = Pools(prepared, prepared, value_preserving=0.5, largest=1e9)
    reasons = []
    for number in range(6):
        stream = stream_for(4, "chain", number)
        problem = compose_problem(pools, 3, stream).problem
        assert problem is not None
        certificate = certify(problem.statement, problem.answer, problem.graph, resolve, stream, Demanded())
        reasons.append(certificate.reason)
        forged = replace(problem.answer, value="123456789")
        assert certify(problem.statement, forged, problem.graph, resolve, stream, Demanded()).reason is not None
    assert reasons.count(None) >= 4


def test_the_text_of_a_program_is_canonical_and_read_back(row):
    atom = ModelAtom.from_text(row.columns[ATOM])
    again = ModelProgram.from_text(atom.program_text)

    assert again == atom.program
    assert ModelAtom.from_text(atom.to_text()) == atom
    for text in (
        atom.program_text.replace("whole", "hole"),
        atom.program_text + " ",
        "family:x",
        "program:[]",
        "program:{",
    ):
        with pytest.raises(ValueError, match="not the text of a program"):
            ModelProgram.from_text(text)
    for text in ("[]", "{", row.columns[ATOM].replace('"noun"', '"nun"')):
        with pytest.raises(ValueError, match="not the column"):
            ModelAtom.from_text(text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answer": "many"}, "cannot be read as integer"),
        ({"answer_type": "proof"}, "proof"),
        ({"statement": "Ada stacks {a} crates of {b} pears."}, "placeholders"),
        ({"statement": GOOD["statement"] + " {d}"}, "placeholders"),
        ({"statement": GOOD["statement"] + " {a.real}"}, "placeholders"),
        ({"statement": GOOD["statement"] + " {a!r}"}, "format"),
        ({"statement": GOOD["statement"] + " {"}, "'{'"),
        ({"steps": "It is 343."}, "answer"),
        ({"solve": "solve = 3"}, "solve"),
        ({"parameters": GOOD["parameters"][:2]}, "placeholders"),
        ({"parameters": [*GOOD["parameters"], whole("a", 1, 2, 1)]}, "twice"),
        ({"parameters": [whole("a", 60, 6, 12), *GOOD["parameters"][1:]]}, "low"),
        ({"parameters": [whole("a", 6, 10**20, 12), *GOOD["parameters"][1:]]}, "bounds"),
        ({"parameters": [whole("a", 6, 60, 99), *GOOD["parameters"][1:]]}, "not in its domain"),
        ({"parameters": [whole("A", 6, 60, 12), *GOOD["parameters"][1:]]}, "lower case"),
        ({"constraint": "a\nimport os"}, "one line"),
    ],
)
def test_a_reply_whose_parts_do_not_fit_is_malformed(changes, words):
    with pytest.raises(MalformedReply, match=words):
        read_problem(reply(**changes), DRAFT)


def test_domains_are_read_exactly():
    domains = [
        {"form": "whole", "low": -5, "high": 25.0, "step": 5, "options": None},
        {"form": "tenths", "low": 0.5, "high": 9.7, "step": None, "options": None},
        {"form": "choice", "low": None, "high": None, "step": None, "options": [0.1, 3, "red"]},
    ]
    parameters = [
        {"name": n, "domain": d, "value": v} for n, d, v in zip("abc", domains, (10, 2.3, "red"), strict=True)
    ]
    atom, _, _ = read_problem(reply(parameters=parameters), DRAFT)

    assert list(atom.parameters.values()) == [Whole(-5, 25, 5), Tenths(5, 97), OneOf((Fraction(1, 10), 3, "red"))]
    assert atom.example == {"a": 10, "b": Fraction(23, 10), "c": "red"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": "344"}, program_trials.DISAGREES),
        ({"solve": "def solve(a, b, c):\n    raise ValueError('no')"}, program_trials.FAILS),
        ({"solve": "def solve(a, b, c):\n    return a * b - c if a == 12 else 1 // 0"}, program_trials.FAILS_ON_DRAWS),
        ({"solve": "def solve(a, b, c):\n    return a * b - c if a == 12 else 'many'"}, program_trials.FAILS_ON_DRAWS),
        ({"solve": "def solve(a, b, c):\n    return a * b - c + (a != 12) * 10**12"}, program_trials.FAILS_ON_DRAWS),
        ({"solve": "def solve(a, b, c):\n    while a != 12: pass\n    return a * b - c"}, program_trials.LIMITS),
        ({"solve": "def solve(a, b, c):\n    return len([0] * 10**12)"}, program_trials.LIMITS),
        ({"solve": "def solve(a, b, c):\n    return int(open('x').read())"}, program_trials.REACHES),
        ({"solve": "import os\ndef solve(a, b, c):\n    return os.getpid()"}, program_trials.REACHES),
        ({"solve": "def solve(a, b, c):\n    return 343"}, program_trials.CONSTANT),
        ({"solve": "def solve(a, b, c):\n    return 12 * b - c"}, program_trials.IDLE),
        ({"solve": "n = [0]\ndef solve(a, b, c):\n    n[0] += 1\n    return a * b - c + n[0] - 1"}, program_trials.UNSTABLE),
        ({"constraint": "a == 12 and b == 30"}, program_trials.FEW),
        ({"constraint": "a > b"}, program_trials.REFUSES_ITSELF),
        ({"constraint": "nonsense("}, program_trials.REFUSES_ITSELF),
        ({"statement": GOOD["statement"] + " Start with the 12 crates."}, program_trials.FIXED),
        ({"steps": "{a} * {b} = 360, so {answer}."}, program_trials.FIXED),
        ({"steps": "{a // (a - 12)} gives {answer}."}, program_trials.STEPS_FAIL),
        ({"steps": "{open('x')} gives {answer}."}, program_trials.STEPS_FAIL),
    ],
)  # fmt: skip
def test_a_program_that_cannot_be_trusted_is_filtered_with_its_reason(changes, reason, tmp_path):
    came = write(reply(**changes), tmp_path)

    assert isinstance(came, Filtered)
    assert came.reason == reason
    assert came.detail


def test_the_same_reply_has_the_same_row_every_time(tmp_path, row):
    assert write(reply(), tmp_path) == row


def test_exact_decimals_and_floats_are_used_as_the_answer_needs_them(tmp_path):
    tenths = {"form": "tenths", "low": 0.5, "high": 9.5, "step": None, "options": None}
    changes = {
        "statement": "A square field measures {x} m. How long is its diagonal, times {k}?",
        "parameters": [{"name": "x", "domain": tenths, "value": 2.5}, whole("k", 2, 90, 4)],
        "constraint": None,
        "solve": "import math\ndef solve(x, k):\n    return math.sqrt(2) * x * k",
        "steps": "{x} * sqrt(2) is {2 ** 0.5 * x}, so {answer}.",
        "answer_type": "real",
        "answer": "14.142",
        "unit": "m",
    }
    row = write(reply(**changes), tmp_path)

    assert (row.answer.kind, row.answer.value, row.answer.unit) == ("real", "14.14213562", "m")
    assert row.columns[STEPS] == "2.5 * sqrt(2) is 3.53553, so 14.1421."


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (6.0, "integer", 6),
        (6.5, "integer", None),
        (True, "integer", None),
        (Fraction(1, 2), "integer", None),
        (0.5, "rational", None),
        (Fraction(1, 2), "rational", Fraction(1, 2)),
        (3, "real", 3.0),
        (10**13, "rational", None),
        (1, "boolean", None),
        ("", "string", None),
        ((), "set", None),
        ((1, (2,)), "sequence", None),
        ((1, "b", Fraction(1, 2)), "sequence", (1, "b", Fraction(1, 2))),
    ],
)
def test_an_answer_is_of_its_kind_or_none(value, kind, expected):
    assert conform(value, kind) == expected
    assert type(conform(value, kind)) is type(expected)


def test_a_program_without_an_answer_raises_and_its_constraint_says_so_before():
    program = ModelProgram({"a": Whole(0, 9)}, "def solve(a):\n    return 6 // a", "integer")

    assert not program.constraint(a=0)
    with pytest.raises(ProgramFailed, match="division"):
        program.solve(a=0)


def solving(text, truth=GOOD_TRUTH):
    a, b, c = (int(word) for word in text.split() if word.isdigit())
    return said(f"So it is <answer>{truth(a, b, c)}</answer>")


def test_solvers_that_agree_keep_the_program_and_leave_their_votes(row, tmp_path):
    kept = check(row, solving, tmp_path, draws=4)

    assert [vote.decision for vote in kept.votes] == ["accept"] * 4
    assert len({vote.evidence for vote in kept.votes}) == 4
    assert all("a=12, b=30, c=17" not in vote.evidence for vote in kept.votes)


def test_solvers_that_agree_with_each_other_but_not_with_the_program_filter_it(row, tmp_path):
    came = check(row, lambda text: solving(text, lambda a, b, c: a * b + c), tmp_path, draws=4)

    assert isinstance(came, Filtered)
    assert came.reason == program_agreement.DISAGREE


def test_attempts_without_an_answer_decide_nothing(row, tmp_path):
    came = check(row, lambda _: said("I do not know."), tmp_path, draws=4)

    assert came == Filtered(program_agreement.UNDECIDED, "0 of 0 decided attempts agree, 4 undecided")


def test_a_solver_out_of_reach_fails_the_row_instead_of_judging_it(row, tmp_path):
    with pytest.raises(EngineError):
        check(row, lambda _: EngineError("connection", "no route", model="m", tries=1), tmp_path)


def test_rows_without_a_readable_program_are_filtered(row, tmp_path):
    assert check(DRAFT, solving, tmp_path).reason == program_agreement.NO_PROGRAM
    broken = Draft("r", columns={ATOM: row.columns[ATOM][:-2]})
    assert check(broken, solving, tmp_path).reason == program_agreement.UNREADABLE


@pytest.mark.parametrize("settings", [{"draws": 0}, {"agree": 0}, {"agree": 1.5}, {"least": 9}])
def test_impossible_demands_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match="draws must be"):
        check(DRAFT, solving, tmp_path, **settings)


FOUND_BY = {
    "right": None,
    "disagrees": program_trials.DISAGREES,
    "raises": program_trials.FAILS_ON_DRAWS,
    "ignores": program_trials.IDLE,
    "loops": program_trials.LIMITS,
    "reaches": program_trials.REACHES,
}


def test_every_planted_flaw_of_the_rehearsal_is_found_and_no_right_program_is_lost(tmp_path):
    """Over real HTTP: rows written by the server, then solved by a server that always knows; counted by its own books."""
    books = tmp_path / "planted.jsonl"
    settings = RehearsalSettings(seed=3, planted=str(books), model=ModelSettings(solve=1.0, reasoning_tokens=0))

    async def rows(model):
        step, solve = WriteProgramProblem(model, "graduate", PROMPT), CheckProgram((model,), draws=2)
        came = [await step(Draft(f"rows/{number}", number, TOPIC)) for number in range(80)]
        return came, [await solve(one) for one in came if isinstance(one, Draft)]

    async def main(url):
        spec = ModelSpec("m", "org/m", urls=(url,))
        return await modelled(open_engine(spec), rows, tmp_path, spec)

    with serve(settings) as server:
        came, solved = asyncio.run(main(server.url))
    planted = [json.loads(line)["form"].split("/")[2] for line in books.read_text().splitlines()]
    reasons = Counter(one.reason if isinstance(one, Filtered) else None for one in came)
    assert len(set(planted)) >= 4
    assert reasons == Counter(FOUND_BY[flaw] for flaw in planted)
    assert all([vote.decision for vote in one.votes] == ["accept"] * 2 for one in solved)


@pytest.mark.parametrize("seed", range(40))
def test_the_rehearsal_knows_every_problem_drawn_from_one_it_wrote(seed):
    written, content = rehearsed.write_program_problem(seed.to_bytes(8, "big"), "")
    atom, _, _ = read_problem(said(json.dumps(content)), DRAFT)
    values = draw_values(atom, stream_for(seed, "values"))
    if written.planted.form.split("/")[2] in ("right", "disagrees"):
        assert values is not None
        known = rehearsed.planted("Look:\n" + atom.tell(values).replace(" ", "\n", 3))
        assert known is not None
        assert compare(atom.answer(atom.solve(**values)), f"<answer>{known.truth}</answer>").verdict == "equal"
    assert rehearsed.planted(written.statement) == written.planted


def test_the_prompt_names_all_that_the_reply_must_hold():
    text = PROMPT.render({"topic": TOPIC, "level": "graduate", "kinds": KINDS})

    assert "mathematics / arithmetic / word problems" in text
    assert all(f"`{name}`" in text for name in program_problems.SCHEMA.schema["required"])
    assert "{{" in text
