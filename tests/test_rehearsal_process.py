"""The rehearsal server as a process: the command, the child that dies with its parent, files, and equal answers everywhere."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from urllib.parse import urlsplit

import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.problems import planted
from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import Faults, ModelSettings, RehearsalSettings
from catena.errors import DatasetError, RunFolderError, UserError
from catena.flows import cli
from catena.generators.problems import SCHEMA
from catena.records import content_id

PROBLEM = {"type": "json_schema", "json_schema": {"name": "problem", "schema": SCHEMA.schema}}
OTHER = {
    "type": "json_schema",
    "json_schema": {
        "name": "any",
        "schema": {
            "allOf": [
                {
                    "properties": {
                        "a": {"type": "integer", "minimum": 1},
                        "b": {"type": "string"},
                        "c": {"enum": [1, 2]},
                    }
                },
                {
                    "properties": {"b": {"minLength": 9}, "a": {"maximum": 5}, "c": {"enum": [2, 3]}},
                    "required": ["a", "b", "c"],
                },
            ],
            "type": "object",
        },
    },
}


def body(number, form=PROBLEM):
    fields = {} if form is None else {"response_format": form}
    messages = [{"role": "user", "content": "Topic: mathematics / counting"}]
    return json.dumps({"model": "m", "messages": messages, "seed": number, **fields}).encode()


def post(url, data):
    with urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", data), timeout=10) as answer:
        return answer.read()


def fact(statement):
    found = planted(statement)
    assert found is not None
    return found


def said(data):
    return json.loads(json.loads(data)["choices"][0]["message"]["content"])


def wait_for(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def is_served(url):
    place = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((place.hostname, place.port)) == 0


def test_two_processes_give_equal_bytes_in_any_order(monkeypatch):
    requests = [body(number, form) for number in range(12) for form in (PROBLEM, OTHER, None)]
    came = []
    for hash_seed, order in (("1", requests), ("2", requests[::-1])):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        with rehearsing(RehearsalSettings(seed=9)) as url:
            came.append({request: post(url, request) for request in order})
    assert came[0] == came[1]
    with rehearsing(RehearsalSettings(seed=10)) as url:
        assert all(post(url, request) != came[0][request] for request in requests)


def test_the_settings_reach_the_child(tmp_path):
    log = str(tmp_path / "log.jsonl")
    settings = RehearsalSettings(faults=Faults(r500=1.0), models={"m": ModelSettings(solve=0.1)}, log=log, context=5000)
    with rehearsing(settings) as url:
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(urllib.error.HTTPError, match="500"):
            post(url, body(1))
        with urllib.request.urlopen(f"{url}/models") as answer:
            assert [model["id"] for model in json.load(answer)["data"]] == ["m", "rehearsal"]
    assert json.loads((tmp_path / "log.jsonl").read_bytes())["fault"] == "r500"
    assert not is_served(url)


def test_a_child_that_cannot_start_says_why(tmp_path):
    with pytest.raises(UserError, match="nowhere"), rehearsing(RehearsalSettings(truth=str(tmp_path / "nowhere"))):
        pass


def test_the_child_dies_with_a_parent_that_is_killed():
    code = (
        "import time\nfrom catena.engines.rehearsal.child import rehearsing\n"
        "from catena.engines.rehearsal.settings import RehearsalSettings\n"
        "with rehearsing(RehearsalSettings()) as url:\n    print(url, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert is_served(url)
        parent.kill()
    wait_for(lambda: not is_served(url))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_a_signal_and_ends_with_one_line(number):
    command = [
        sys.executable,
        "-m",
        "catena.flows.cli",
        "rehearse",
        "--port",
        "0",
        "--wrong",
        "0.5",
        "--set",
        "models.a.b.solve=0.3",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = server.stdout.readline()
        url = ready.split()[0]
        assert f'urls = ["{url}"]' in ready
        assert post(url, body(1))
        server.send_signal(number)
        assert server.communicate(timeout=20) == ("", "catena rehearse: stopped after 1 requests\n")
    assert server.returncode == 0


def test_wrong_use_of_the_command_is_one_sentence_and_exit_code_2(tmp_path, capsys):
    settings = tmp_path / "settings.toml"
    settings.write_text("[rehearsal]\nfaults = { r42 = 0.1 }\n")
    with serve(RehearsalSettings()) as server:
        port = str(urlsplit(server.url).port)
        for words, message in (
            (["--port", port], "cannot be listened at"),
            (["--host", "0.0.0.0"], "is not loopback"),
            (["--settings", str(settings)], "did you mean 'r429'?"),
            (["--settings", str(tmp_path / "none.toml")], "cannot be read"),
            (["--r429", "1.5"], "expected a share in [0, 1]"),
            (["--set", "models.a.b.slove=1"], "did you mean 'solve'?"),
            (["--set", "seed"], "write it as NAME=VALUE"),
            (["--key", "sk-live"], "never write the key itself"),
            (["--truth", str(tmp_path)], "cannot be read"),
        ):
            assert cli.main(["rehearse", *words]) == 2
            error = capsys.readouterr().err
            assert message in error
            assert error.count("\n") == 1


def test_planted_truth_is_kept_once_per_problem_over_restarts_and_kills(tmp_path):
    path = tmp_path / "planted.jsonl"
    settings = RehearsalSettings(seed=3, planted=str(path), model=ModelSettings(wrong=0.4, duplicate=0.2))
    written = []
    for numbers in (range(40), range(20, 60), range(50, 80)):
        with serve(settings) as server:
            written += [said(post(server.url, body(number))) for number in numbers]
        with open(path, "ab") as file:
            file.write(b'{"reference": "cut o')
    rows = [json.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]
    assert Counter(row["reference"] for row in rows) == {fact(one["statement"]).reference: 1 for one in written}
    by_statement = {content_id(one["statement"]): one for one in written}
    for row in rows:
        one = by_statement[row["statement_id"]]
        known = fact(one["statement"])
        assert (row["truth"], row["planted"], row["model"]) == (known.truth, known.planted, "m")
        assert (row["stated"], row["answer_type"], row["unit"]) == (one["answer"], one["answer_type"], one["unit"])
    assert {row["planted"] for row in rows} >= {"right", "wrong", "duplicate"}


def test_a_problem_whose_answer_is_spoiled_is_not_kept_as_written(tmp_path):
    path = tmp_path / "planted.jsonl"
    with serve(RehearsalSettings(faults=Faults(truncated=1.0), planted=str(path))) as server:
        post(server.url, body(1))
    assert path.read_bytes() == b""


def test_a_disk_that_is_full_ends_the_log_but_not_the_server(capfd):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with serve(RehearsalSettings(log="/dev/full")) as server:
        post(server.url, body(1))
        wait_for(lambda: server.stats()["requests"] == 1)
        time.sleep(0.2)
        assert post(server.url, body(2))
    assert "the log ends here" in capfd.readouterr().err


def test_planted_truth_that_cannot_be_kept_is_no_answer():
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with serve(RehearsalSettings(planted="/dev/full")) as server:
        assert post(server.url, body(1, None))
        with pytest.raises(urllib.error.HTTPError, match="500"):
            post(server.url, body(1))


def test_files_that_cannot_be_used_are_refused_before_anything_is_served(tmp_path):
    with pytest.raises(RunFolderError, match="cannot be written"):
        serve(RehearsalSettings(log=str(tmp_path)))
    other = tmp_path / "other.jsonl"
    other.write_text('{"a": 1}\n{"reference": "x"}\n')
    with pytest.raises(DatasetError, match="line 1: no planted problem"):
        serve(RehearsalSettings(planted=str(other)))
    rows = tmp_path / "rows.jsonl"
    for line, words in (
        ("{", "not JSON"),
        ('{"question": "x"}', "expected an object with 'answer'"),
        ("[1]", "expected an object"),
    ):
        rows.write_text(f'{{"question": "q", "answer": 1}}\n{line}\n')
        with pytest.raises(DatasetError, match=f"line 2: {words}"):
            serve(RehearsalSettings(truth=str(rows)))
