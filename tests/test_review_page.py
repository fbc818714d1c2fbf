"""The review page: nothing in it acts, and served, nobody but its own page decides."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from catena.flows.cli import main
from catena.flows.job import Job, write_rejected
from catena.flows.plan import plan_of
from catena.flows.recipe import load_recipe
from catena.flows.review_page import queue_page
from catena.flows.review_queue import Doubt, queue
from catena.flows.review_server import ReviewServer
from catena.flows.reviews import reviews
from catena.storage import Store

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202e"
DETAIL = {
    "subject": "physics",
    "key": "5",
    "proposal": HOSTILE,
    "confidence": 0.97,
    "votes": [
        {"verifier": HOSTILE, "question": "validity", "decision": "accept", "evidence": HOSTILE, "confidence": 0.9},
        {"verifier": "m", "question": HOSTILE, "decision": HOSTILE, "evidence": "x" * 5_000, "confidence": 0.9},
    ],
}
RECIPE = """
name = "r"
tree = "general"
[models.m]
model = "m"
urls = ["http://127.0.0.1:9/v1"]
[[pipeline]]
name = "problems"
rows = 3
steps = [{ do = "write-problem", model = "m" }]
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder in which two rows wait."""
    (tmp_path / "r.toml").write_text(RECIPE, encoding="utf-8")
    plan = plan_of(load_recipe(tmp_path / "r.toml"), str(tmp_path / "run"))
    store = Store(plan.url)
    store.write("recipe.json", plan.as_json())
    rows = [("wrong key", "row-1", HOSTILE, json.dumps(DETAIL)), ("undecided", "row-2", "What is 2 + 2?", "m: no")]
    write_rejected(store, Job(plan.url, "stages/pipeline-problems-0", "problems-00000", "pipeline_shard", {}), rows)
    return tmp_path / "run"


@pytest.fixture
def server(run: Path) -> Iterator[ReviewServer]:
    plan = plan_of(load_recipe(run.parent / "r.toml"), str(run))
    with ReviewServer(plan, Store(str(run))) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join(10)


def ask(server: ReviewServer, method: str = "GET", path: str = "/", body: str = "", **headers: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, path, body or None, {**form, **headers})
    reply = connection.getresponse()
    return reply.status, reply.read().decode()


def decision(server: ReviewServer, **more: str) -> str:
    return urlencode({"row": "row-1", "verdict": "wrong-key", "note": "it is 6", "token": server.token, **more})


def test_nothing_that_a_model_wrote_acts_in_the_page() -> None:
    text = queue_page(HOSTILE, [Doubt("row-1", "s", "wrong key", HOSTILE, json.dumps(DETAIL))])
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text
    assert "49" not in text
    assert "default-src 'none'" in text
    assert "<form" not in text


def test_votes_and_the_proposed_correction_are_shown_and_long_texts_are_cut() -> None:
    text = queue_page(
        "r", [Doubt("row-1", "s", "wrong key", "What is 2 + 3?", json.dumps({**DETAIL, "proposal": "6"}))]
    )
    assert "<dt>proposal</dt><dd>6</dd>" in text
    assert '<td class="accept">accept</td>' in text
    assert "x" * 600 in text
    assert "x" * 601 not in text


@pytest.mark.parametrize("detail", ["", "m: reject", "[1]", '{"votes": 3}', '{"votes": [1, {}]}'])
def test_whatever_is_known_of_a_row_it_is_shown(detail: str) -> None:
    assert "What is 2 + 2?" in queue_page("r", [Doubt("row-1", "s", "undecided", "What is 2 + 2?", detail)])


def test_the_page_is_written_where_it_is_wanted(run: Path) -> None:
    assert main(["review", str(run), "--page", str(run / "queue.html")]) == 0
    assert "2 rows wait" in (run / "queue.html").read_text(encoding="utf-8")


def test_a_decision_on_the_served_page_is_kept_and_takes_the_row_away(server: ReviewServer) -> None:
    status, before = ask(server)
    assert (status, before.count("<article")) == (200, 2)
    assert ask(server, "POST", "/decide", decision(server))[0] == 303
    assert [(one.row, one.verdict, one.fault, one.note) for one in reviews(server.store)] == [
        ("row-1", "reject", "key", "it is 6")
    ]
    assert [one.row for one in queue(server.store, server.plan)] == ["row-2"]
    assert ask(server)[1].count("<article") == 1
    assert ask(server, "POST", "/decide", decision(server))[0] == 404


def test_decisions_that_do_not_come_from_the_page_are_refused(server: ReviewServer) -> None:
    own = f"127.0.0.1:{server.server_port}"
    assert ask(server, "POST", "/decide", decision(server, token="guessed"))[0] == 403
    assert ask(server, "POST", "/decide", decision(server), Origin="http://evil.example")[0] == 403
    assert ask(server, "POST", "/decide", decision(server), Origin="null")[0] == 403
    assert ask(server, "POST", "/decide", decision(server), Host="evil.example")[0] == 403
    assert ask(server, Host=f"evil.example:{server.server_port}")[0] == 403
    assert reviews(server.store) == []
    assert ask(server, "POST", "/decide", decision(server), Host=own, Origin=f"http://{own}")[0] == 303


def test_bad_requests_are_answered_and_change_nothing(server: ReviewServer) -> None:
    assert ask(server, "POST", "/decide", decision(server, verdict="perhaps"))[0] == 400
    assert ask(server, "POST", "/elsewhere", decision(server))[0] == 404
    assert ask(server, "POST", "/decide", decision(server, note="x" * 20_000))[0] == 413
    assert ask(server, path="/etc/passwd")[0] == 404
    assert reviews(server.store) == []


def test_it_listens_on_loopback_only(server: ReviewServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
