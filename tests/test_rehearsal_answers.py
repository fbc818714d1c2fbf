"""What the rehearsal server says: problems with planted flaws, votes, solutions, topics; over real HTTP."""

import http.client
import json
import re
from collections import Counter
from fractions import Fraction
from math import comb, sqrt
from statistics import mean
from urllib.parse import urlsplit

import pytest

from catena.answers import compare
from catena.engines.rehearsal.difficulty import solve_probability
from catena.engines.rehearsal.problems import FORMS, planted, write_problem
from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import PROBLEM_FLAWS, ModelSettings, RehearsalSettings
from catena.engines.rehearsal.topics import NON_TOPICS
from catena.generators import problems
from catena.prompts import Prompt, fence
from catena.records import ANSWER_KINDS, Answer
from catena.samples import REQUEST
from catena.validators import correctness, validity

TOPIC = ("mathematics", "probability theory", "Markov chains")
FLAWED = ModelSettings(wrong=0.2, ambiguous=0.15, off_topic=0.1, duplicate=0.1, leaked=0.1)
SETTINGS = RehearsalSettings(
    seed=5,
    model=FLAWED,
    models={
        "oracle": ModelSettings(solve=1.0, accept_right=1.0, reject_wrong=1.0, match_accept=1.0, match_reject=1.0),
        "dunce": ModelSettings(solve=0.0, accept_right=0.0, reject_wrong=0.0, match_accept=0.0, match_reject=0.0),
        "lax": ModelSettings(accept_right=0.9, reject_wrong=0.6, reject_ambiguous=0.3, reject_off_topic=0.1),
        "uneven": ModelSettings(solve=0.5, spread=0.5),
    },
)


class Model:
    """One connection to a server; every call is one request."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, body):
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body))
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def ask(self, prompt, schema=None, model="any", **fields):
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], **fields}
        if schema is not None:
            named = {"name": schema.name, "schema": schema.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        status, said = self.send(body)
        assert status == 200, said
        return said["choices"][0]

    def json(self, prompt, schema, **fields):
        return json.loads(self.ask(prompt, schema, **fields)["message"]["content"])


@pytest.fixture(scope="module")
def model():
    with serve(SETTINGS) as server, Model(server.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(model):
    prompt = Prompt.shipped(problems.__file__, "write-problem")
    text = prompt.render(
        {"topic": TOPIC, "concepts": TOPIC[-1:], "nearby": "", "level": "graduate", "kinds": ANSWER_KINDS}
    )
    return [model.json(text, problems.SCHEMA, seed=seed) for seed in range(600)]


def fact(statement):
    """What was planted in a statement of the server's own."""
    found = planted(statement)
    assert found is not None
    return found


def judged(model, one, voter, seed=0, answer=None):
    prompt = Prompt.shipped(validity.__file__, "judge-problem")
    shown = Answer(one["answer_type"], answer or one["answer"], one["unit"])
    text = prompt.render({"topic": TOPIC, "problem": fence(one["statement"], seed), "answer": str(shown)})
    return model.json(text, validity.SCHEMA, model=voter, seed=seed)["verdict"]


def matched(model, one, solution, reference, voter, seed=0):
    prompt = Prompt.shipped(correctness.__file__, "match-answer")
    values = {"problem": fence(one["statement"]), "solution": fence(solution, 1), "answer": reference}
    return model.json(prompt.render(values), correctness.SCHEMA, model=voter, seed=seed)


def answered(choice):
    return choice["message"]["content"].partition("<answer>")[2].partition("</answer>")[0]


def assert_near(share, wanted, trials):
    """Four standard deviations: a fixed seed passes or fails for good."""
    assert abs(share - wanted) <= 4 * sqrt(max(wanted * (1 - wanted), 1e-9) / trials) + 1e-12


def test_flaws_are_planted_at_their_rates_and_every_one_is_recovered_from_the_statement(written):
    kinds = Counter(fact(one["statement"]).planted for one in written)
    for flaw in PROBLEM_FLAWS:
        assert_near(kinds[flaw] / len(written), getattr(FLAWED, flaw), len(written))
    assert kinds["right"] > 0


RECOMPUTED = {
    r"stacks (\d+) crates with (\d+) [a-z ]+ in each and then gives (\d+)": lambda a, b, c: a * b - c,
    r"in (\d+) hours, a second one alone needs (\d+) hours": lambda a, b: Fraction(a * b, a + b),
    r"has (\d+) bakers and (\d+) smiths.*of (\d+) bakers and (\d+) smiths": lambda a, b, r, s: comb(a, r) * comb(b, s),
    r"bag holds (\d+) red and (\d+) green": lambda a, b: Fraction(a * a - a + b * b - b, (a + b) * (a + b - 1)),
    r"the (\d+) corners of a convex polygon\. How many": lambda n: n * (n - 3) // 2,
    r"mass of (\d+) kg and rolls at (\d+) m/s": lambda m, v: Fraction(m * v * v, 2),
    r"remainder does (\d+)\^(\d+) leave on division by (\d+)": lambda a, n, m: a**n % m,
}


@pytest.mark.parametrize("pattern", RECOMPUTED)
def test_the_planted_truth_is_what_the_numbers_in_the_statement_give(pattern):
    found = 0
    for number in range(4000):
        one = write_problem(b"%d" % number, "0", "", FLAWED)
        match = re.search(pattern, one.statement)
        if match is None or one.planted.truth is None:
            continue
        truth = RECOMPUTED[pattern](*map(int, match.groups()))
        assert Fraction(one.planted.truth) == truth
        assert (Fraction(one.planted.stated) == truth) == (one.planted.planted != "wrong")
        found += 1
    assert found >= 10


def test_each_form_has_a_truth_that_the_product_accepts_and_wrong_answers_that_it_refuses():
    seen = Counter()
    for number in range(1500):
        known = write_problem(b"%d" % number, "0", "", ModelSettings()).planted
        if known.truth is None or seen[known.form] >= 8:
            continue
        seen[known.form] += 1
        unit = f" {known.unit}" if known.unit else ""
        gold = Answer(known.answer_type, known.truth, known.unit)
        assert compare(gold, f"<answer>{known.truth}{unit}</answer>").verdict == "equal"
        for wrong in known.wrong_answers:
            assert compare(gold, f"<answer>{wrong}{unit}</answer>").verdict == "different", (known.form, gold, wrong)
    assert set(seen) == {form.name for form in FORMS}
    assert {form.kind for form in FORMS} == set(ANSWER_KINDS)


def test_the_truth_survives_every_wrapping_of_the_statement(written):
    one = written[0]["statement"]
    known = fact(one)
    for wrapped in (
        one.upper(),
        "> " + one.replace(" ", "\n> "),
        json.dumps(one),
        f"{one}\n{REQUEST}",
        one.replace(",", ""),
    ):
        assert planted(wrapped.replace("> ", "")) == known
    changed = "0" if known.reference[-1] != "0" else "1"
    assert planted(one.replace(known.reference, known.reference[:-1] + changed)) != known
    assert planted("worksheet 00000000000000 and nothing else") is None


def test_duplicates_share_one_statement_and_the_other_problems_differ(written):
    statements = {"duplicate": [], "other": []}
    for one in written:
        kind = "duplicate" if fact(one["statement"]).planted == "duplicate" else "other"
        statements[kind].append(one["statement"])
    assert len(set(statements["duplicate"])) == 1
    assert len(statements["duplicate"]) > 20
    assert len(set(statements["other"])) == len(statements["other"])


def test_a_leaked_answer_stands_in_the_statement_and_an_off_topic_one_does_not_name_the_topic(written):
    kinds = Counter()
    for one in written:
        known = fact(one["statement"])
        kinds[known.planted] += 1
        if known.planted == "leaked":
            assert f" {known.truth}" in one["statement"].split(f"(worksheet {known.reference})")[-1]
        if known.planted == "off_topic":
            assert "Markov chains" not in one["statement"]
    assert kinds["leaked"] > 20
    assert kinds["off_topic"] > 20


def test_a_perfect_judge_rejects_exactly_what_is_flawed_and_a_perverse_one_the_rest(model, written):
    for one in written[:120]:
        sound = fact(one["statement"]).sound
        assert judged(model, one, "oracle") == ("valid" if sound else "invalid")
        assert judged(model, one, "dunce") == ("invalid" if sound else "valid")


def test_the_answer_shown_decides_not_the_one_first_stated(model, written):
    known = [(one, fact(one["statement"])) for one in written]
    wrong = next((one, fact) for one, fact in known if fact.planted == "wrong")
    right = next((one, fact) for one, fact in known if fact.planted == "right")
    assert judged(model, wrong[0], "oracle", answer=wrong[1].truth) == "valid"
    assert judged(model, right[0], "oracle", answer=right[1].wrong_answers[0]) == "invalid"


def test_votes_follow_the_confusion_matrix_of_the_judge(model, written):
    votes = {}
    for seed in range(2):
        for one in written:
            kind = fact(one["statement"]).planted
            votes.setdefault("right" if kind == "duplicate" else kind, []).append(
                judged(model, one, "lax", seed) == "valid"
            )
    for kind, accepted in {"right": 0.9, "wrong": 0.4, "ambiguous": 0.7, "off_topic": 0.9, "leaked": 0.4}.items():
        assert_near(mean(votes[kind]), accepted, len(votes[kind]))


def test_a_match_is_judged_by_the_reference_in_the_prompt_and_the_end_of_the_solution(model, written):
    one = written[0]
    solution = "First I thought <answer>7</answer>.\nReference answer: 9\nBut it is <answer>8</answer>"
    for voter, turned in (("oracle", False), ("dunce", True)):
        said = matched(model, one, solution, "8", voter)
        assert said["extracted"] == "8"
        assert (said["verdict"] == "correct") != turned
        assert (matched(model, one, solution, "9", voter)["verdict"] == "incorrect") != turned
    assert matched(model, one, "I give up.", "8", "oracle") == {
        "extracted": "",
        "reason": "The solution does not commit to a final answer.",
        "verdict": "incorrect",
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [("1/2", "0.5"), ("{1, 2}", "{2,1}"), ("42 J", "42"), ("1,234", "1234"), (r"\frac{3}{4}", "3/4")],
)
def test_equal_answers_in_other_notation_match(model, written, first, second):
    assert matched(model, written[0], f"<answer>{first}</answer>", second, "oracle")["verdict"] == "correct"


def test_a_perfect_solver_is_always_right_and_a_hopeless_one_never(model, written):
    for one in written[:80]:
        known = fact(one["statement"])
        right = answered(model.ask(one["statement"] + REQUEST, model="oracle"))
        wrong = answered(model.ask(one["statement"] + REQUEST, model="dunce"))
        unit = f" {known.unit}" if known.unit else ""
        if known.truth is None:
            assert right.removesuffix(unit) in known.wrong_answers
        else:
            assert right == known.truth + unit
            assert wrong.removesuffix(unit) in known.wrong_answers


def test_pass_rates_spread_over_problems_as_the_settings_say(model, written):
    rates = []
    for one in written:
        known = fact(one["statement"])
        if known.truth is not None and known.planted != "duplicate" and len(rates) < 100:
            tries = [model.ask(one["statement"], model="uneven", seed=seed) for seed in range(6)]
            rates.append(mean(answered(choice).startswith(known.truth) for choice in tries))
    assert abs(mean(rates) - 0.5) < 0.15
    assert sum(rate in (0, 1) for rate in rates) > 50  # independent tries at 0.5 would leave 3 such problems


def test_difficulty_gives_a_beta_distribution():
    for average, spread in ((0.6, 3.0), (0.5, 0.2), (0.05, 10.0), (0.3, 10_000.0)):
        drawn = [solve_probability(average, spread, (index + 0.5) / 5000) for index in range(5000)]
        assert mean(drawn) == pytest.approx(average, abs=2e-4)
        assert mean((p - average) ** 2 for p in drawn) == pytest.approx(
            average * (1 - average) / (spread + 1), rel=0.01
        )
    assert solve_probability(0.0, 3, 0.5) == 0
    assert solve_probability(1.0, 3, 0.999) == 1


def test_problems_of_a_truth_file_are_solved_and_judged_by_it(tmp_path):
    question = "Natalia sold  clips to 48 friends,\nand then half as many. How many in all?"
    rows = [{"question": question, "answer": "48 / 2 = 24, so 72\n#### 72"}, {"problem": "Is it so?", "answer": "true"}]
    path = tmp_path / "truth.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    perfect = ModelSettings(solve=1.0, accept_right=1.0, reject_wrong=1.0)
    models = {"good": perfect, "bad": ModelSettings(solve=0.0)}
    with serve(RehearsalSettings(models=models, truth=str(path))) as server, Model(server.url) as model:
        wrapped = f"Please solve this.\n\n{question.replace('  ', ' ').upper()}\n\nThink first."
        assert answered(model.ask(wrapped, model="good")) == "72"
        assert answered(model.ask(wrapped, model="bad")) != "72"
        assert answered(model.ask("Is it so?" + REQUEST, model="bad")) == "false"
        one = {"statement": question, "answer": "72", "answer_type": "integer", "unit": None}
        assert judged(model, one, "good") == "valid"
        assert judged(model, one, "good", answer="70") == "invalid"


def test_a_problem_that_nobody_knows_has_one_answer_that_good_models_agree_on(model):
    said = {answered(model.ask("What is the airspeed of a swallow?", model="oracle", seed=seed)) for seed in range(5)}
    other = answered(model.ask("What is the airspeed of a goose?", model="oracle"))
    assert len(said) == 1
    assert other not in said


@pytest.mark.parametrize("place", ["reasoning_content", "reasoning", "think", "none"])
def test_reasoning_comes_where_the_settings_say_and_is_counted(place):
    with (
        serve(
            RehearsalSettings(model=ModelSettings(reasoning=place, reasoning_tokens=400, reasoning_sigma=0))
        ) as server,
        Model(server.url) as model,
    ):
        status, said = model.send({"model": "m", "messages": [{"role": "user", "content": "2 + 2?"}]})
    message, usage = said["choices"][0]["message"], said["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert status == 200
    assert message["content"].endswith("</answer>")
    assert [name for name in ("reasoning", "reasoning_content") if name in message] == [place] * place.startswith(
        "reason"
    )
    assert message["content"].startswith("<think>") == (place == "think")
    assert (300 < reasoning < 500) == (place != "none")
    assert 300 < usage["completion_tokens"] < 600


def test_a_bound_cuts_the_same_text_at_the_bound_and_more_room_lets_it_go_on(model):
    said = [model.ask("What is 2 + 2?", max_tokens=bound, seed=1)["message"] for bound in (10, 40, 8000)]
    whole = said[2]["reasoning_content"]
    assert said[0] == {"role": "assistant", "content": None, "refusal": None, "reasoning_content": whole[:40]}
    assert said[1]["reasoning_content"] == whole[:160]
    room = -(-len(whole) // 4) + 5
    almost = model.ask("What is 2 + 2?", max_tokens=room, seed=1)
    assert almost["finish_reason"] == "length"
    assert almost["message"]["content"] == said[2]["content"][:20]


def test_topics_are_as_many_as_asked_with_flaws_at_their_rates(model):
    topic = {"type": "object", "properties": {"name": {"type": "string"}, "description": {"type": "string"}}}
    schema = {"type": "object", "properties": {"topics": {"type": "array", "items": topic}}, "required": ["topics"]}
    named = {"name": "topics", "schema": schema}
    names, body = [], {}
    for seed in range(60):
        content = f"Parent: physics / mechanics\nPropose 12 new subtopics (round {seed})."
        body = {"model": "m", "messages": [{"role": "user", "content": content}], "seed": seed}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
        said = json.loads(model.send(body)[1]["choices"][0]["message"]["content"])["topics"]
        assert len(said) == 12
        names += [one["name"] for one in said]
    assert_near(sum(name in NON_TOPICS for name in names) / len(names), 0.05, len(names))
    assert_near(sum(name == "mechanics" for name in names) / len(names), 0.02, len(names))
    schema["properties"]["topics"] |= {"minItems": 3, "maxItems": 5}
    body["response_format"] = {"type": "json_schema", "json_schema": {"name": "topics", "schema": schema}}
    assert len(json.loads(model.send(body)[1]["choices"][0]["message"]["content"])["topics"]) == 5


def test_an_answer_fits_a_schema_with_other_words_and_more_fields(model):
    schema = {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["reject", "accept"]},
            "confidence": {"type": "integer", "minimum": 60, "maximum": 99},
        },
        "required": ["verdict", "confidence"],
        "additionalProperties": False,
    }
    named = {"type": "json_schema", "json_schema": {"name": "validity", "schema": schema}}
    said = json.loads(model.ask("Is this sound?", model="oracle", response_format=named)["message"]["content"])
    assert said["verdict"] == "accept"
    assert 60 <= said["confidence"] <= 99
    assert list(said) == ["verdict", "confidence"]


def test_a_schema_without_a_name_is_known_by_its_properties(model, written):
    one = written[0]
    prompt = f"Answer given: {one['answer']}\n{one['statement']}"
    for field in ({"structured_outputs": {"json": validity.SCHEMA.schema}}, {"guided_json": validity.SCHEMA.schema}):
        said = json.loads(model.ask(prompt, model="oracle", **field)["message"]["content"])
        assert said["verdict"] == ("valid" if fact(one["statement"]).sound else "invalid")
