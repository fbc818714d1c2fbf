"""Exactly N accepted rows per topic, for real: HTTP to a rehearsal server whose topics are of very different difficulty."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.problems import planted
from catena.engines.rehearsal.settings import PROBLEM_FLAWS, settings_from
from catena.engines.rehearsal.topic_shares import on_topic, sound_share
from catena.errors import RecipeError
from catena.flows.accounting import leaf_lines, short_first
from catena.flows.report_page import page
from catena.flows.run_folder import Marker
from catena.records import Topic

pytestmark = pytest.mark.usefixtures("prefect_server")

SHARES = {
    "mathematics / algebra / groups": 0.9,
    "mathematics / algebra / <b>rings</b>": 0.1,
    "mathematics / number theory / modular arithmetic": 0.95,
    "physics / mechanics / rotational dynamics": 0.3,
    "physics / optics / interference": 0.5,
}
NEVER = "physics / mechanics / perpetual motion"
PERFECT = {"wrong": 0.5, "duplicate": 0.0, "accept_right": 1.0, "reject_wrong": 1.0, "reasoning_tokens": 5}
TOPICS = json.dumps([path.split(" / ") for path in [*SHARES, NEVER]])
RECIPE = f"""
name = "filled"
seed = 5
shard_rows = 30

[models.writer]
model = "writer-model"
urls = ["{{url}}"]
concurrency = 16

[models.judge]
model = "judge-model"
urls = ["{{url}}"]
concurrency = 16

[[pipeline]]
name = "problems"
rows = 60
candidates = {{candidates}}
topics = {TOPICS}
steps = [
    {{{{ do = "write-problem", model = "writer" }}}},
    {{{{ do = "judge-problem", models = ["judge"] }}}},
]
"""
SETTINGS = {"seed": 4, "model": PERFECT, "sound_by_topic": {**SHARES, NEVER: 0.0}}


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)


def leaves(run: Path) -> dict[str, dict[str, Any]]:
    books = json.loads(catena("status", run, "--json").stdout)
    line = next(line for line in books["stages"] if line["stage"] == "pipeline-problems")
    return {" / ".join(leaf["path"]): leaf for leaf in line["leaves"]}


def rows(run: Path) -> list[dict[str, Any]]:
    return [row for file in run.glob("data/*/*.parquet") for row in pq.read_table(file).to_pylist()]


def written(run: Path) -> dict[str, str]:
    files = [*run.glob("data/**/*.parquet"), *run.glob("stages/pipeline-*/**/*.parquet")]
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    """A rehearsal server for the whole file."""
    with rehearsing(settings_from(SETTINGS)) as url:
        yield url


@pytest.fixture(scope="module")
def filled(models: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe that was run once, with candidates enough: its file and its run folder."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "r.toml").write_text(RECIPE.format(url=models, candidates=2_000), encoding="utf-8")
    done = catena("run", folder / "r.toml", "--run-folder", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "r.toml", folder / "run"


def test_the_share_of_sound_problems_is_that_of_the_topic_and_the_rest_keeps_the_models_proportions() -> None:
    settings = settings_from({"seed": 1, "sound_by_topic": {"Physics / Optics": 0.3, "physics": 0.6}})
    assert sound_share(settings, "physics / optics / interference") == 0.3
    assert sound_share(settings, "physics / mechanics") == 0.6
    assert sound_share(settings, "chemistry / acids") is None
    model = on_topic(settings.model, settings, "physics / optics / lenses")
    assert sum(getattr(model, flaw) for flaw in PROBLEM_FLAWS) - model.duplicate == pytest.approx(0.7)
    assert model.wrong / model.leaked == pytest.approx(settings.model.wrong / settings.model.leaked)
    assert model.duplicate / 0.3 == pytest.approx(settings.model.duplicate / 0.8)


def test_shares_are_drawn_evenly_from_the_range_and_fixed_by_seed_and_topic() -> None:
    settings = settings_from({"seed": 1, "sound": [0.02, 0.95]})
    shares = [sound_share(settings, f"mathematics / area / topic {number}") for number in range(400)]
    assert shares == [sound_share(settings, f"mathematics / area / topic {number}") for number in range(400)]
    drawn = sorted(share for share in shares if share is not None)
    assert 0.02 <= drawn[0] < 0.06
    assert 0.91 < drawn[-1] <= 0.95
    assert 0.42 < sum(drawn) / 400 < 0.55
    other = settings_from({"seed": 2, "sound": [0.02, 0.95]})
    assert sound_share(other, "mathematics / area / topic 0") != shares[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sound": [0.9, 0.1]}, "rehearsal.sound: .* the lower one first"),
        ({"sound": 0.5}, "rehearsal.sound: 0.5 does not fit"),
        ({"sound_by_topic": {"physics": 2}}, "rehearsal.sound_by_topic.physics: 2 does not fit"),
        ({"sound_by_topic": 0.5}, "rehearsal.sound_by_topic: expected a table"),
    ],
)
def test_impossible_shares_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        settings_from(given)


def test_what_was_planted_for_each_topic_follows_its_share(filled: tuple[Path, Path]) -> None:
    for row in rows(filled[1]):
        truth = planted(row["question"])
        assert truth is not None
        assert truth.sound
    hard, easy = (leaves(filled[1])[name] for name in ("mathematics / algebra / <b>rings</b>", next(iter(SHARES))))
    assert hard["asked"] > 3 * easy["asked"]


def test_every_feasible_topic_gets_exactly_its_rows_and_no_row_twice(filled: tuple[Path, Path]) -> None:
    published = rows(filled[1])
    per_topic = Counter(" / ".join(row["topic_path"]) for row in published)
    assert per_topic == dict.fromkeys(SHARES, 10)
    assert len({row["question"] for row in published}) == 50


def test_a_topic_that_never_yields_is_given_up_with_its_reasons(filled: tuple[Path, Path]) -> None:
    leaf = leaves(filled[1])[NEVER]
    assert leaf["state"] == "given up"
    assert leaf["accepted"] == 0
    assert 500 < leaf["asked"] == leaf["rejected"]["judged invalid"]
    shown = catena("status", filled[1]).stdout
    assert f"0 of 10 rows for {NEVER}" in shown
    assert "given up" in shown


def test_the_books_of_each_topic_add_up_and_agree_with_the_shards(filled: tuple[Path, Path]) -> None:
    accepted = Counter(
        " / ".join(path)
        for file in filled[1].glob("stages/pipeline-*/*.parquet")
        for path in pq.read_table(file).column("topic").to_pylist()
    )
    for name, leaf in leaves(filled[1]).items():
        apart = sum(leaf["rejected"].values()) + sum(leaf["failed"].values())
        assert leaf["asked"] == leaf["accepted"] + apart
        assert leaf["accepted"] == accepted[name] == min(leaf["wanted"], leaf["accepted"]) + leaf["surplus"]


def test_the_report_has_the_yields_of_each_topic_and_shows_untrusted_names_as_text(filled: tuple[Path, Path]) -> None:
    report = json.loads((filled[1] / "report.json").read_bytes())
    assert {" / ".join(leaf["path"]): leaf for leaf in report["yields"][0]["leaves"]} == leaves(filled[1])
    shown = (filled[1] / "report.html").read_text(encoding="utf-8")
    assert "<b>rings" not in shown
    assert "&lt;b&gt;rings" in shown
    assert "1 topic has no row at all" in shown
    assert "5 of 6 topics have their rows, 1 given up" in shown


@pytest.mark.parametrize(
    ("in_rounds", "pending", "states", "shown"),
    [
        (True, False, ["candidates used up", "candidates used up", "filled"], ["empty", "some"]),
        (False, False, ["not asked for more", "not asked for more", "filled"], ["empty"]),
        (True, True, ["under way", "under way", "filled"], []),
    ],
)
def test_topics_without_any_row_come_first_and_only_what_ended_is_short(
    in_rounds: bool, pending: bool, states: list[str], shown: list[str]
) -> None:
    topics = [Topic(("s", "a", name), 3) for name in ("some", "empty", "full")]
    came = [(["s", "a", "some"], 3, 2, {"duplicate statement": 1}, {}), (["s", "a", "empty"], 3, 0, {}, {"reset": 3})]
    marker = Marker(9, 5, [], {"duplicate statement": 1}, {"reset": 3})
    marker.facts["yields"] = [*came, (["s", "a", "full"], 3, 3, {}, {})]
    lines = leaf_lines(topics, [marker], in_rounds=in_rounds, pending=pending)
    assert [line["state"] for line in lines] == states
    assert [line["path"][-1] for line in short_first(lines)] == shown
    assert [line["duplicates"] for line in lines] == [1, 0, 0]


def test_a_page_of_two_thousand_topics_shows_the_worst_and_sums_up_the_others() -> None:
    leaf = {"wanted": 5, "asked": 9, "accepted": 5, "surplus": 0, "duplicates": 0, "failed": {}, "state": "filled"}
    many: list[dict[str, Any]] = [
        {**leaf, "rejected": {"judged invalid": 4}, "path": [f"s{number % 8}", f"a{number % 80}", f"t{number}"]}
        for number in range(1_893)
    ]
    for one in many[:300]:
        one.update(accepted=0, rejected={"judged invalid": 9}, state="given up")
    shown = page({"name": "big", "yields": [{"pipeline": "problems", "leaves": many}]})
    assert "300 topics have no row at all; the first 50" in shown
    assert shown.count("given up: 9 judged invalid") == 50 + 300
    assert shown.count("<details") == 8
    assert len(shown) < 2_500_000


@pytest.mark.slow
def test_a_budget_of_candidates_that_is_too_small_fills_the_fruitful_topics_exactly(
    models: str, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.format(url=models, candidates=130), encoding="utf-8")
    done = catena("run", tmp_path / "r.toml", "--run-folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    books = leaves(tmp_path / "run")
    assert sum(leaf["asked"] for leaf in books.values()) <= 130
    per_topic = Counter(" / ".join(row["topic_path"]) for row in rows(tmp_path / "run"))
    full = {name for name, leaf in books.items() if leaf["state"] == "filled"}
    assert {name for name, share in SHARES.items() if share >= 0.5} <= full
    assert all(per_topic[name] == 10 for name in full)
    assert all(books[name]["state"] == "candidates used up" for name in books.keys() - full)


@pytest.mark.slow
def test_kill_9_in_the_middle_of_the_rounds_gives_the_same_bytes(filled: tuple[Path, Path], tmp_path: Path) -> None:
    recipe, whole = filled
    with rehearsing(settings_from({**SETTINGS, "latency_s": 0.01})) as url:
        own = tmp_path / "r.toml"
        own.write_text(recipe.read_text(encoding="utf-8").replace(_url(recipe), url), encoding="utf-8")
        for after in (150, 700):
            _kill_after(own, tmp_path / "run", url, after)
        killed = sum("-r0" in path.name for path in (tmp_path / "run").glob("stages/pipeline-*/*.json"))
        assert 0 < killed < sum("-r0" in path.name for path in whole.glob("stages/pipeline-*/*.json"))
        assert catena("run", own, "--run-folder", tmp_path / "run").returncode == 0
    assert written(tmp_path / "run") == written(whole)


@pytest.mark.slow
def test_after_a_retry_of_failed_candidates_every_topic_still_has_exactly_its_rows(tmp_path: Path) -> None:
    topics = json.dumps([path.split(" / ") for path in SHARES])
    with rehearsing(settings_from({**SETTINGS, "faults": {"malformed": 0.1}})) as url:
        recipe = RECIPE.format(url=url, candidates=2_000).replace(TOPICS, topics).replace("rows = 60", "rows = 25")
        (tmp_path / "r.toml").write_text(recipe, encoding="utf-8")
        done = catena("run", tmp_path / "r.toml", "--run-folder", tmp_path / "run", "--set", "pipeline.0.tries=1")
        assert done.returncode == 3, done.stderr
        before = sum(sum(leaf["failed"].values()) for leaf in leaves(tmp_path / "run").values())
        assert catena("retry", tmp_path / "run").returncode in (0, 3)
    after = leaves(tmp_path / "run")
    assert sum(sum(leaf["failed"].values()) for leaf in after.values()) < before
    published = rows(tmp_path / "run")
    assert Counter(" / ".join(row["topic_path"]) for row in published) == dict.fromkeys(SHARES, 5)
    assert len({row["question"] for row in published}) == 25


def _url(recipe: Path) -> str:
    return next(line.split('"')[1] for line in recipe.read_text(encoding="utf-8").splitlines() if "urls" in line)


def _kill_after(recipe: Path, run: Path, url: str, requests: int) -> None:
    """Kills a run once the server has had so many requests."""
    command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(run)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while _requests(url) < requests and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _requests(url: str) -> int:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as answer:
        return int(json.load(answer)["requests"])
