"""The rehearsal server's HTTP: pages, errors, keep-alive, pipelining, split and chunked requests, streaming, limits."""

import http.client
import json
import socket
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import Faults, ModelSettings, RehearsalSettings, settings_from
from catena.errors import RecipeError, UserError


def chat(number=0, **fields):
    return {"model": "m", "messages": [{"role": "user", "content": f"What is {number} + 1?"}], **fields}


def post(url, body, **headers):
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        data = body if isinstance(body, bytes) else json.dumps(body)
        connection.request("POST", "/v1/chat/completions", data, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def get(url, path, **headers):
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def raw(url):
    place = urlsplit(url)
    return socket.create_connection((place.hostname, place.port), timeout=10)


def request(body, extra=b""):
    data = json.dumps(body).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (extra, len(data), data)


def answers(connection, count):
    """So many JSON answers from one connection, in the order in which they came."""
    file = connection.makefile("rb")
    found = []
    for _ in range(count):
        status = int(file.readline().split()[1])
        headers = dict(line.decode().rstrip().lower().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        found.append((status, headers, json.loads(file.read(int(headers["content-length"])))))
    return found


@pytest.fixture(scope="module")
def url():
    with serve(RehearsalSettings(seed=1, models={"named": ModelSettings()}, largest_body=100_000)) as server:
        yield server.url


def test_the_pages_say_which_models_there_are_and_that_the_server_is_well(url):
    status, models = get(url, "/v1/models")
    assert (status, [one["id"] for one in models["data"]]) == (200, ["named", "rehearsal"])
    assert get(url, "/health?probe=1") == (200, {"status": "ok"})


def test_a_completion_has_openai_s_form(url):
    status, headers, data = post(url, chat())
    said = json.loads(data)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert said["object"] == "chat.completion"
    assert said["choices"][0]["finish_reason"] == "stop"
    assert said["system_fingerprint"].startswith("fp_")
    usage = said["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None), (b"", None), (b"[1]", None), (b'{"model": "m"}', "messages"), (chat(model=""), "model"),
        (b"[" * 2000, None), (b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}', None),
        ({**chat(), "messages": []}, "messages"), ({**chat(), "messages": ["hello"]}, "messages"),
        ({**chat(), "messages": [{"role": "user", "content": 5}]}, "messages"), (chat(max_tokens=0), "max_tokens"),
        (chat(max_completion_tokens="9"), "max_completion_tokens"), (chat(temperature=9), "temperature"), (chat(n=2), "n"),
        (chat(seed="x"), "seed"), (chat(response_format={"type": "xml"}), "response_format"),
        (chat(response_format={"type": "json_schema", "json_schema": {"name": "a"}}), "response_format"),
        (chat(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "nothing"}}}), "response_format"),
    ],
)  # fmt: skip
def test_a_request_that_is_none_gets_400_with_an_error_of_openai_s_form(url, body, param):
    status, _, data = post(url, body)
    error = json.loads(data)["error"]
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert error["message"]


def test_messages_of_parts_and_earlier_turns_are_understood(url):
    parts = [
        {"type": "text", "text": "What is"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "2 + 2?"},
    ]
    turns = [
        {"role": "system", "content": None},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "Hm"},
    ]
    assert post(url, {"model": "m", "messages": turns})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/v2/nothing", 404),
        ("POST", "/", 404),
    ],
)
def test_other_places_and_methods_are_refused(url, method, path, status):
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request(method, path, "{}" if method == "POST" else None)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_refused_while_it_is_still_coming(url, announced):
    with raw(url) as connection:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
        connection.sendall(
            head + (b"Content-Length: 999999999\r\n\r\n" if announced else b"Transfer-Encoding: chunked\r\n\r\n")
        )
        for _ in range(30):
            connection.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        status, headers, said = answers(connection, 1)[0]
    assert (status, headers["connection"]) == (400, "close")
    assert "100000 bytes at most" in said["error"]["message"]


@pytest.mark.parametrize(
    "data", [b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 9]
)
def test_what_is_no_http_is_refused_and_others_are_served_on(url, data):
    with raw(url) as connection:
        connection.sendall(data)
        assert answers(connection, 1)[0][0] == 400
    assert get(url, "/health")[0] == 200


def test_pipelined_requests_are_answered_in_their_order(url):
    alone = [json.loads(post(url, chat(number))[2]) for number in range(30)]
    with raw(url) as connection:
        connection.sendall(b"".join(request(chat(number)) for number in range(30)))
        together = answers(connection, 30)
    assert [said for _, _, said in together] == alone


def test_pipelined_requests_keep_their_order_where_the_later_answer_is_ready_first():
    with serve(RehearsalSettings(latency_s=0.05, jitter=1.0)) as server, raw(server.url) as connection:
        connection.sendall(b"".join(request(chat(number)) for number in range(10)))
        ids = [said["id"] for _, _, said in answers(connection, 10)]
        alone = [json.loads(post(server.url, chat(number))[2])["id"] for number in range(10)]
        assert server.stats()["max_in_flight"] == 10
    assert ids == alone


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_request_that_comes_in_pieces_is_put_together(url, size):
    data = request(chat(3)) + b"GET /health HTTP/1.1\r\n\r\n"
    with raw(url) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            connection.sendall(data[start : start + size])
        first, second = answers(connection, 2)
    assert first[2] == json.loads(post(url, chat(3))[2])
    assert second[2] == {"status": "ok"}


def test_a_chunked_body_is_put_together_and_an_expected_100_is_given(url):
    data = json.dumps(chat(4)).encode()
    chunks = (
        b"".join(b"%x\r\n%b\r\n" % (len(data[i : i + 9]), data[i : i + 9]) for i in range(0, len(data), 9))
        + b"0\r\n\r\n"
    )
    with raw(url) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        )
        assert answers(connection, 1)[0][2] == json.loads(post(url, chat(4))[2])
        head, body = request(chat(4), b"Expect: 100-continue\r\n").split(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answers(connection, 1)[0][0] == 200


def test_a_connection_is_kept_until_the_client_asks_to_close_it(url):
    with raw(url) as connection:
        connection.sendall(request(chat(1)))
        assert "connection" not in answers(connection, 1)[0][1]
        connection.sendall(request(chat(1), b"Connection: close\r\n"))
        assert answers(connection, 1)[0][1]["connection"] == "close"
        assert connection.recv(10) == b""


def test_a_stream_carries_the_same_answer_in_pieces(url):
    whole = json.loads(post(url, chat(5, max_tokens=50))[2])
    status, headers, data = post(url, chat(5, max_tokens=50, stream=True, stream_options={"include_usage": True}))
    events = [line.removeprefix("data: ") for line in data.decode().split("\n\n") if line]
    assert (status, headers["Content-Type"], events[-1]) == (200, "text/event-stream", "[DONE]")
    chunks = [json.loads(event) for event in events[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert len(deltas) > 3
    message = whole["choices"][0]["message"]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == message["reasoning_content"]
    assert "".join(delta.get("content", "") for delta in deltas) == (message["content"] or "")
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole["usage"])


def test_only_who_presents_the_key_is_answered_and_the_key_is_never_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("REHEARSAL_TEST_KEY", "s3cret")
    settings = RehearsalSettings(key="env:REHEARSAL_TEST_KEY")
    with serve(settings) as server:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}):
            status, _, data = post(server.url, chat(), **given)
            assert (status, json.loads(data)["error"]["code"]) == (401, "invalid_api_key")
            assert b"s3cret" not in data
        assert get(server.url, "/v1/models")[0] == 401
        assert post(server.url, chat(), Authorization="Bearer s3cret")[0] == 200
        assert get(server.url, "/health")[0] == 200
    assert "s3cret" not in repr(settings)
    for wrong in ("env:REHEARSAL_NO_SUCH_KEY", f"file:{tmp_path / 'nowhere'}"):
        with pytest.raises(RecipeError, match="key: "):
            serve(RehearsalSettings(key=wrong))


def test_a_server_of_named_models_knows_no_other():
    with serve(RehearsalSettings(models={"a": ModelSettings()}, only_named=True)) as server:
        assert [one["id"] for one in get(server.url, "/v1/models")[1]["data"]] == ["a"]
        assert post(server.url, chat(model="a"))[0] == 200
        status, _, data = post(server.url, chat(model="b"))
        assert (status, json.loads(data)["error"]["code"]) == (404, "model_not_found")


def test_a_prompt_longer_than_the_context_is_refused_in_the_words_of_the_dialect():
    long = {"model": "m", "messages": [{"role": "user", "content": "word " * 500}], "max_tokens": 50}
    for dialect, words, code in (
        ("openai", "your messages resulted in 630 tokens", "context_length_exceeded"),
        ("vllm", "at least 630 input tokens", 400),
    ):
        with serve(settings_from({"context": 600, "dialect": dialect})) as server:
            status, _, data = post(server.url, long)
            error = json.loads(data)["error"]
            assert (status, error["code"]) == (400, code)
            assert error["message"].startswith("This model's maximum context length is 600 tokens. However, ")
            assert words in error["message"]
            short = json.loads(post(server.url, chat(max_tokens=9999))[2])
            assert short["usage"]["total_tokens"] <= 600


def test_more_requests_in_flight_than_the_limit_get_a_real_429():
    with serve(RehearsalSettings(latency_s=0.5, limit_in_flight=2, retry_after_s=3)) as server:
        came = []
        threads = [threading.Thread(target=lambda n=n: came.append(post(server.url, chat(n)))) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(status for status, _, _ in came) == [200, 200, 429, 429, 429]
        assert {headers["Retry-After"] for status, headers, _ in came if status == 429} == {"3"}
        assert server.stats()["faults"] == {"ok": 2, "limited": 3}


def test_requests_above_the_rate_get_a_real_429_with_the_time_to_wait():
    with serve(RehearsalSettings(requests_per_second=2)) as server:
        came = [post(server.url, chat()) for _ in range(5)]
        assert [status for status, _, _ in came][:2] == [200, 200]
        assert came[-1][0] == 429
        time.sleep(float(came[-1][1]["Retry-After"]))
        assert post(server.url, chat())[0] == 200
        assert server.stats()["distinct"] == 1


def test_counters_and_log_tell_what_was_read(tmp_path):
    log = tmp_path / "logs" / "requests.jsonl"
    with serve(RehearsalSettings(log=str(log), faults=Faults(r500=1.0))) as server:
        for _ in range(2):
            post(server.url, chat(1))
        post(server.url, b"{")
        stats = server.stats()
    assert (stats["requests"], stats["again"], stats["distinct"], stats["in_flight"]) == (3, 1, 1, 0)
    assert (stats["faults"], stats["purposes"], stats["models"]) == ({"r500": 2, "invalid": 1}, {"solve": 2}, {"m": 2})
    assert stats["connections"] == 3
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["fault"] for line in lines] == ["r500", "r500", "invalid"]
    assert [line["attempt"] for line in lines] == [1, 2, 0]
    assert lines[0]["body"] == lines[1]["body"] != ""
    assert set(lines[0]) == {"time", "body", "kind", "model", "attempt", "fault", "in_flight"}


def test_a_client_that_gives_up_is_no_longer_in_flight():
    with serve(RehearsalSettings(latency_s=30)) as server:
        with raw(server.url) as connection:
            connection.sendall(request(chat(1)) + request(chat(2)))
            wait_for(lambda: server.stats()["in_flight"] == 2)
        wait_for(lambda: server.stats()["in_flight"] == 0 and server.stats()["open_connections"] == 0)


def wait_for(holds):
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_a_client_that_does_not_read_is_not_read_from_either():
    with serve(RehearsalSettings(model=ModelSettings(reasoning_tokens=8000))) as server, raw(server.url) as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.sendall(b"".join(request(chat(number)) for number in range(100_000)))
        assert 300 <= server.stats()["requests"] < 50_000
        connection.settimeout(20)
        assert [status for status, _, _ in answers(connection, 300)] == [200] * 300


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org", "::", ""])
def test_any_host_but_loopback_is_refused(host):
    with pytest.raises(UserError, match="not loopback"):
        serve(RehearsalSettings(), host)


def test_a_taken_or_impossible_port_is_one_clear_sentence():
    with serve(RehearsalSettings(), "localhost") as server:
        port = urlsplit(server.url).port
        assert server.url == f"http://127.0.0.1:{port}/v1"
        with pytest.raises(UserError, match=rf"port {port} of 127\.0\.0\.1 cannot be listened at"):
            serve(RehearsalSettings(), "127.0.0.1", port or 0)
    with pytest.raises(UserError, match="port 70000 is none"):
        serve(RehearsalSettings(), "127.0.0.1", 70_000)


def test_settings_are_read_from_a_mapping_and_models_inherit_from_the_default():
    given = {
        "seed": 3,
        "model": {"solve": 0.2, "wrong": 0},
        "models": {"a/b.c": {"wrong": 0.5}},
        "faults": {"r429": 0.1},
        "context": 100,
    }
    settings = settings_from(given)
    assert settings.behaviour("a/b.c") == ModelSettings(solve=0.2, wrong=0.5)
    assert settings.behaviour("other") == ModelSettings(solve=0.2, wrong=0.0)
    assert (settings.seed, settings.faults.r429, settings.context) == (3, 0.1, 100)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sed": 1}, r"unknown key 'rehearsal\.sed'; did you mean 'seed'\?"),
        ({"faults": {"r42": 1}}, r"'rehearsal\.faults\.r42'; did you mean 'r429'\?"),
        ({"models": {"a": {"slove": 1}}}, r"'rehearsal\.models\.a\.slove'; did you mean 'solve'\?"),
        ({"seed": "1"}, r"rehearsal\.seed: '1' does not fit, expected a whole number"),
        ({"sticky": 1}, "expected true or false"),
        ({"dialect": "azure"}, "expected 'openai' or 'vllm' or 'mixed'"),
        ({"model": {"solve": 1.5}}, r"rehearsal\.model\.solve: 1\.5 is impossible"),
        ({"model": {"spread": 0}}, "spread"),
        ({"model": {"wrong": 0.6, "leaked": 0.6}}, "expected at most 1"),
        ({"faults": {"stall": 0.6, "reset": 0.6}}, "expected at most 1"),
        ({"latency_s": -1}, "latency_s: -1.0 is impossible"),
        ({"latency_s": float("nan")}, "latency_s"),
        ({"faults": 5}, "expected a table"),
        ({"models": {"a": 5}}, "expected a table"),
        ({"models": 5}, "expected a table"),
        ({"key": "sk-live"}, "never write the key itself"),
    ],
)  # fmt: skip
def test_settings_that_are_none_are_refused_in_one_sentence(given, words):
    with pytest.raises(RecipeError, match=words) as failure:
        settings_from(given)
    assert "sk-live" not in str(failure.value)
