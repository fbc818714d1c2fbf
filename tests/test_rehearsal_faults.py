"""Faults of the rehearsal server, each as it arrives at a client, and how often they come."""

import http.client
import json
import socket
import time
from collections import Counter
from contextlib import closing
from math import sqrt
from urllib.parse import urlsplit

import pytest

from catena.answer_parsing import extract
from catena.engines.base import Completion, Usage
from catena.engines.rehearsal.faults import INJECTIONS, REFUSALS
from catena.engines.rehearsal.problems import planted
from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import CONTENT_FAULTS, Faults, RehearsalSettings
from catena.generators.problems import SCHEMA
from catena.replies import MalformedReply, json_reader

PROBLEM = {"type": "json_schema", "json_schema": {"name": "problem", "schema": SCHEMA.schema}}
read_json = json_reader(SCHEMA.schema)


def body(number, **fields):
    return {
        "model": "m",
        "messages": [{"role": "user", "content": "Topic: physics / mechanics"}],
        "seed": number,
        **fields,
    }


def send(url, content, timeout=10.0):
    """Status, headers and bytes of an answer."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(content))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def choice(url, content):
    status, _, data = send(url, content)
    assert status == 200
    return json.loads(data)["choices"][0]


def completion(text):
    return Completion(text, None, "stop", Usage())


def met(url, content):
    """What a client sees of a request, by the name of the fault."""
    try:
        status, _, data = send(url, content, timeout=0.3)
    except TimeoutError:
        return "stall"
    except (ConnectionError, http.client.HTTPException):
        return "reset"
    if status != 200:
        return f"r{status}"
    try:
        said = json.loads(data)["choices"][0]
    except ValueError:
        return "garbled"
    return said["finish_reason"]


def test_429_and_500_come_with_openai_s_errors():
    with serve(RehearsalSettings(faults=Faults(r429=1.0), retry_after_s=0.25)) as server:
        status, headers, data = send(server.url, body(1))
        assert (status, headers["Retry-After"]) == (429, "0.25")
        assert json.loads(data)["error"]["code"] == "rate_limit_exceeded"
    with serve(RehearsalSettings(faults=Faults(r500=1.0))) as server:
        status, _, data = send(server.url, body(1))
        assert (status, json.loads(data)["error"]["type"]) == (500, "server_error")


def test_a_reset_comes_before_the_answer_or_within_its_body():
    with serve(RehearsalSettings(faults=Faults(reset=1.0))) as server:
        kinds = Counter(type(error_of(server.url, body(number))).__name__ for number in range(20))
    assert set(kinds) <= {"ConnectionResetError", "IncompleteRead", "RemoteDisconnected"}
    assert kinds["ConnectionResetError"] + kinds["RemoteDisconnected"] >= 3
    assert len(received(Faults(reset=1.0))) > 1


def error_of(url, content):
    with pytest.raises((ConnectionError, http.client.HTTPException)) as caught:
        send(url, content)
    return caught.value


def received(faults):
    """How many bytes came before each of 20 resets."""
    sizes = set()
    with serve(RehearsalSettings(faults=faults)) as server:
        place = urlsplit(server.url)
        for number in range(20):
            data = json.dumps(body(number)).encode()
            with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
                connection.sendall(
                    b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
                )
                sizes.add(bytes_until_the_end(connection))
    return sizes


def bytes_until_the_end(connection):
    size = 0
    try:
        while data := connection.recv(65536):
            size += len(data)
    except ConnectionResetError:
        pass
    return size


def test_a_stall_never_answers_and_ends_with_its_client():
    with serve(RehearsalSettings(faults=Faults(stall=1.0))) as server:
        with pytest.raises(TimeoutError):
            send(server.url, body(1), timeout=0.2)
        assert server.stats()["faults"] == {"stall": 1}


def test_a_garbled_answer_is_no_json():
    with serve(RehearsalSettings(faults=Faults(garbled=1.0))) as server:
        status, _, data = send(server.url, body(1))
    assert status == 200
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(data)


def test_malformed_content_is_json_to_no_reader_and_a_solution_without_its_closing_tag():
    with serve(RehearsalSettings(faults=Faults(malformed=1.0))) as server:
        texts = [
            choice(server.url, body(number, response_format=PROBLEM))["message"]["content"] for number in range(40)
        ]
        solution = choice(server.url, body(1))["message"]["content"]
    assert len({text[:1] for text in texts}) > 1
    for text in texts:
        with pytest.raises(MalformedReply):
            read_json(completion(text))
    assert extract(solution) == (None, "answer-tag")


def test_truncated_content_is_the_start_of_the_whole_and_ends_for_length():
    with (
        serve(RehearsalSettings(seed=2)) as clean,
        serve(RehearsalSettings(seed=2, faults=Faults(truncated=1.0))) as server,
    ):
        for number in range(10):
            whole, cut = (choice(one.url, body(number, response_format=PROBLEM)) for one in (clean, server))
            assert cut["finish_reason"] == "length"
            text = cut["message"]["content"]
            assert whole["message"]["content"].startswith(text)
            assert len(text) < len(whole["message"]["content"])


def test_refusals_come_in_their_own_field_or_as_text():
    with serve(RehearsalSettings(faults=Faults(refused=1.0))) as server:
        said = [choice(server.url, body(number))["message"] for number in range(20)]
    assert {message["content"] or message["refusal"] for message in said} <= set(REFUSALS)
    assert {message["refusal"] is None for message in said} == {True, False}


def test_filtered_and_empty_content():
    for fault, finish in (("filtered", "content_filter"), ("empty", "stop")):
        with serve(RehearsalSettings(faults=Faults(**{fault: 1.0}))) as server:
            said = choice(server.url, body(1))
            assert (said["finish_reason"], said["message"]["content"]) == (finish, "")


def test_injected_text_stands_in_an_answer_that_is_otherwise_the_same():
    with (
        serve(RehearsalSettings(seed=2)) as clean,
        serve(RehearsalSettings(seed=2, faults=Faults(injected=1.0))) as server,
    ):
        hostile = 0
        for number in range(60):
            whole, said = (
                choice(one.url, body(number, response_format=PROBLEM))["message"]["content"] for one in (clean, server)
            )
            good, bad = json.loads(whole), read_json(completion(said))
            assert [name for name in good if good[name] != bad[name]] in (["design"], ["statement"])
            assert (good["answer"], planted(good["statement"])) == (bad["answer"], planted(bad["statement"]))
            hostile += any(text in bad["design"] + bad["statement"] for text in INJECTIONS)
        assert 20 < hostile < 60
        solved = [choice(one.url, body(1))["message"]["content"] for one in (clean, server)]
    assert solved[0] != solved[1]
    assert extract(solved[0]) == extract(solved[1])


def test_faults_come_at_their_rates_and_the_counters_agree():
    rates = {
        "r429": 0.05,
        "r500": 0.04,
        "reset": 0.05,
        "stall": 0.01,
        "garbled": 0.05,
        "truncated": 0.1,
        "filtered": 0.05,
    }
    trials = 600
    with serve(RehearsalSettings(seed=3, faults=Faults(**rates))) as server:
        seen = Counter(met(server.url, body(number)) for number in range(trials))
        counted = server.stats()["faults"]
    names = {"length": "truncated", "content_filter": "filtered", "stop": "ok"}
    assert {names.get(name, name): count for name, count in seen.items()} == counted
    for name, rate in rates.items():
        share = rate if name not in CONTENT_FAULTS else rate * 0.8  # the others were hit on the way
        assert abs(counted[name] / trials - share) <= 4 * sqrt(share * (1 - share) / trials)


def test_a_request_meets_the_same_faults_in_the_same_order_at_every_server():
    settings = RehearsalSettings(seed=4, faults=Faults(r429=0.3, r500=0.2, truncated=0.3))
    histories = []
    for order in (range(8), reversed(range(8))):
        with serve(settings) as server:
            tries = [(number, [met(server.url, body(number)) for _ in range(6)]) for number in order]
        histories.append(dict(tries))
    assert histories[0] == histories[1]
    assert len({tuple(history) for history in histories[0].values()}) > 4
    assert any(len(set(history)) > 1 for history in histories[0].values())


def test_sticky_faults_hit_every_attempt_at_the_same_messages():
    settings = RehearsalSettings(seed=4, faults=Faults(truncated=0.5), sticky=True)
    with serve(settings) as server:
        for topic in range(12):
            messages = [{"role": "user", "content": f"Topic: physics / {topic}"}]
            outcomes = {met(server.url, body(n % 3, messages=messages, max_tokens=9000 + n)) for n in range(6)}
            assert len(outcomes) == 1
        assert set(server.stats()["faults"]) == {"ok", "truncated"}


def test_a_limited_request_is_no_attempt_so_that_load_does_not_move_the_draws():
    settings = RehearsalSettings(seed=4, faults=Faults(r500=0.5))
    with serve(settings) as server:
        free = [met(server.url, body(1)) for _ in range(6)]
    with serve(RehearsalSettings(seed=4, faults=Faults(r500=0.5), requests_per_second=50)) as server:
        came = [met(server.url, body(1)) for _ in range(500)]
    let_in = [status for status in came if status != "r429"]
    assert "r429" in came
    assert let_in[: len(free)] == free[: len(let_in)]


def test_a_server_that_goes_down_answers_nobody_until_it_has_turned_enough_away():
    with serve(RehearsalSettings(down_after=3, up_after=2)) as server:
        assert [met(server.url, body(number)) for number in range(9)] == ["stop"] * 3 + ["reset"] * 3 + ["stop"] * 3
        assert server.stats()["faults"] == {"ok": 6, "down": 1}


def test_a_server_that_is_down_for_a_time_refuses_connections_and_comes_back_at_the_same_place():
    with serve(RehearsalSettings(down_after=2, down_s=0.4)) as server:
        assert [met(server.url, body(number)) for number in range(3)] == ["stop", "stop", "reset"]
        with pytest.raises(ConnectionRefusedError):
            send(server.url, body(4))
        deadline = time.monotonic() + 20
        while met(server.url, body(5)) != "stop":
            assert time.monotonic() < deadline, "it never came back"
            time.sleep(0.02)


def test_going_down_takes_what_is_in_flight_along():
    with serve(RehearsalSettings(down_after=1, latency_s=30)) as server:
        place = urlsplit(server.url)
        with socket.create_connection((place.hostname, place.port), timeout=10) as waiting:
            data = json.dumps(body(1)).encode()
            waiting.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data))
            while server.stats()["in_flight"] == 0:
                pass
            assert met(server.url, body(2)) == "reset"
            assert bytes_until_the_end(waiting) == 0
        assert server.stats()["in_flight"] == 0
