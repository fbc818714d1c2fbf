import asyncio
import contextlib
import gzip
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

import orjson
import pytest

from catena.engines.base import Completion, JsonSchema, Request, Sampling, Usage
from catena.engines.http_errors import fault_of, retry_after
from catena.engines.models import ModelSpec, open_engine
from catena.engines.openai import OpenAIEngine
from catena.engines.openai_body import MalformedAnswer, read_completion, request_body
from catena.engines.openai_options import Options, place
from catena.errors import CatenaError, EngineError, KeyRefused, RunStopped, ServerUnreachable, UserError
from catena.records import Turn
from tests.scripted_server import Call, Reply, Script, Server, chat, error, in_turn, serving

T = TypeVar("T")
KEY = "sk-51H" + "totallysecret" * 150  # as long as the tokens of cloud platforms
NO = Sampling()


def ask(prompt: str = "2 + 2?", **more: Any) -> Request:
    return Request("m", (Turn("system", "Be brief."), Turn("user", prompt)), **more)


def spec(*urls: str, **more: Any) -> ModelSpec:
    return ModelSpec(**{"name": "small", "model": "m", "urls": urls, "tries": 4, "patience_s": 5.0, **more})


@asynccontextmanager
async def engine_for(script: Script, **more: Any) -> AsyncIterator[tuple[OpenAIEngine, Server]]:
    async with serving(script) as server:
        engine = OpenAIEngine(spec(server.url, **more))
        try:
            yield engine, server
        finally:
            await engine.close()


def with_engine(script: Script, body: Callable[[OpenAIEngine, Server], Awaitable[T]], **more: Any) -> T:
    async def main() -> T:
        async with engine_for(script, **more) as (engine, server):
            return await body(engine, server)

    return asyncio.run(asyncio.wait_for(main(), 30))


def completed(*replies: Reply, **more: Any) -> tuple[Completion, OpenAIEngine, Server]:
    async def body(engine: OpenAIEngine, server: Server) -> tuple[Completion, OpenAIEngine, Server]:
        return await engine.complete(ask()), engine, server

    return with_engine(in_turn(*replies), body, **more)


def failed(*replies: Reply, **more: Any) -> tuple[CatenaError, Server]:
    async def body(engine: OpenAIEngine, server: Server) -> tuple[CatenaError, Server]:
        with pytest.raises(CatenaError) as caught:
            await engine.complete(ask())
        assert engine.stats.in_flight == 0
        return caught.value, server

    return with_engine(in_turn(*replies), body, **more)


# The body that is sent


def test_only_settings_that_are_set_are_sent() -> None:
    bare = orjson.loads(request_body(ask(), Options()))
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]
    assert bare == {"model": "m", "messages": messages, "max_tokens": 4096}
    sampling = Sampling(
        100, 0.0, 0.9, 20, 0.1, ("END",), 7, "low", {"chat_template_kwargs": {"enable_thinking": False}}
    )
    request = ask(sampling=sampling)
    assert orjson.loads(request_body(request, Options(max_tokens_field="max_completion_tokens"))) == {
        **{
            "model": "m",
            "messages": messages,
            "max_completion_tokens": 100,
            "temperature": 0.0,
            "top_p": 0.9,
            "top_k": 20,
        },
        **{"min_p": 0.1, "stop": ["END"], "seed": request.seed, "reasoning_effort": "low"},
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert "seed" not in orjson.loads(request_body(request, Options(send_seed=False)))


@pytest.mark.parametrize(
    ("structured", "sent"),
    [
        (
            "json_schema",
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a_vote", "schema": {"x": 1}, "strict": True},
                }
            },
        ),
        ("json_object", {"response_format": {"type": "json_object"}}),
        ("guided_json", {"guided_json": {"x": 1}}),
        ("structured_outputs", {"structured_outputs": {"json": {"x": 1}}}),
        ("none", {}),
    ],
)
def test_a_schema_is_sent_as_the_server_takes_it(structured: Any, sent: dict[str, Any]) -> None:
    request = ask(schema=JsonSchema("a vote", {"x": 1}))
    body = orjson.loads(request_body(request, Options(structured=structured)))
    assert {name: body[name] for name in body if name not in ("model", "messages", "max_tokens")} == sent


def test_a_text_that_is_no_unicode_fails_its_own_row_only() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        with pytest.raises(EngineError, match="cannot be sent") as caught:
            await engine.complete(ask("\ud800"))
        assert caught.value.cause == "invalid_request"
        assert (await engine.complete(ask())).text == "4"

    with_engine(in_turn(chat()), body)


def test_key_and_headers_are_sent_and_the_query_of_the_base_url_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)

    async def main() -> Call:
        async with serving(in_turn(chat())) as server:
            options = {"headers": {"X-Team": "maths", "Api-Key": "env:MODEL_KEY"}}
            engine = OpenAIEngine(spec(server.url + "/?api-version=2", key="env:MODEL_KEY", options=options))
            await engine.complete(ask())
            await engine.close()
            return server.calls[0]

    call = asyncio.run(main())
    assert call.path == "/v1/chat/completions?api-version=2"
    assert [call.headers[name] for name in ("authorization", "x-team", "api-key")] == [f"Bearer {KEY}", "maths", KEY]


@pytest.mark.filterwarnings("error")
def test_a_prompt_of_megabytes_is_sent_whole() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> int:
        await engine.complete(ask("x" * 3_000_000))
        return len(server.calls[0].prompt)

    assert with_engine(in_turn(chat()), body) == 3_000_000


# The completion that is read


@pytest.mark.parametrize(
    ("reply", "text", "reasoning"),
    [
        (chat("4"), "4", None),
        (chat("4", reasoning="2 and 2"), "4", "2 and 2"),
        (chat("4", reasoning_content="2 and 2"), "4", "2 and 2"),
        (chat("4", reasoning="2 and 2", reasoning_content="2 and 2"), "4", "2 and 2"),
        (chat("4", reasoning=None, reasoning_content=""), "4", None),
        (chat(None, reasoning="2 and 2 and", finish_reason="length"), "", "2 and 2 and"),
        (chat("<think>2 and 2</think>\n\n4"), "4", "2 and 2"),
        (chat("2 and 2\n</think>\n\n4"), "4", "2 and 2"),
        (chat("<think>2 and 2 is", finish_reason="length"), "", "2 and 2 is"),
        (chat([{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]), "42", None),
        (
            chat(
                [{"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2"}]}, {"type": "text", "text": "4"}]
            ),
            "4",
            "2 and 2",
        ),
    ],
)
def test_reasoning_is_kept_apart_wherever_it_comes(reply: Reply, text: str, reasoning: str | None) -> None:
    completion = read_completion(orjson.loads(reply.body), 1.0)
    assert (completion.text, completion.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("given", "refusal", "read"),
    [
        ("stop", None, "stop"),
        ("eos_token", None, "stop"),
        ("length", None, "length"),
        ("content_filter", None, "content_filter"),
        ("stop", "I cannot help with that.", "refusal"),
    ],
)
def test_finish_reasons_are_mapped(given: str, refusal: str | None, read: str) -> None:
    reply = chat(None if refusal else "4", finish_reason=given, refusal=refusal)
    completion = read_completion(orjson.loads(reply.body), 1.0)
    assert (completion.finish_reason, completion.text) == (read, refusal or "4")


def test_usage_is_what_the_server_counts_and_nothing_is_guessed() -> None:
    counted: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": 7, "prompt_tokens_details": None}
    answer = orjson.loads(chat("<think>long</think>4", usage=counted).body)
    assert read_completion(answer, 1.0).usage == Usage(9, 7, 0, 0)
    counted |= {"completion_tokens_details": {"reasoning_tokens": 5}, "prompt_tokens_details": {"cached_tokens": 8}}
    assert read_completion(answer | {"usage": counted}, 1.0).usage == Usage(9, 7, 5, 8)
    assert read_completion(answer | {"usage": None}, 1.0).usage == Usage()


def test_the_revision_names_model_and_build() -> None:
    answer = orjson.loads(chat().body)
    assert read_completion(answer | {"system_fingerprint": "fp_7"}, 1.0).revision == "m-1 fp_7"
    assert read_completion(answer, 1.0).revision == "m-1"


MALFORMED: list[object] = [
    [],
    "text",
    None,
    {},
    {"choices": []},
    {"choices": {}},
    {"choices": [None]},
    {"choices": [{"message": "4", "finish_reason": "stop"}]},
    {"choices": [{"message": {}, "finish_reason": "stop"}]},
    {"choices": [{"message": {"content": 4}, "finish_reason": "stop"}]},
    {"choices": [{"message": {"content": [4]}, "finish_reason": "stop"}]},
    {"choices": [{"message": {"content": [{"type": "image"}]}, "finish_reason": "stop"}]},
    {"choices": [{"message": {"content": "4", "reasoning": {}}, "finish_reason": "stop"}]},
    {"choices": [{"message": {"content": "4"}}]},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "abort"}]},
    {"choices": [{"message": {"content": "4"}, "finish_reason": ["stop"]}]},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": 7},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": "9"}},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": -1}},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": True}},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": {"completion_tokens_details": [1]}},
    {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "model": 7},
]


@pytest.mark.parametrize("answer", MALFORMED)
def test_an_answer_with_something_missing_or_ill_typed_is_malformed(answer: object) -> None:
    with pytest.raises(MalformedAnswer):
        read_completion(answer, 1.0)


def test_any_answer_that_comes_from_changing_a_good_one_is_read_or_malformed() -> None:
    rng = Random(3)
    pieces: list[Any] = [None, True, -1, 1.5, "x", [], [1], {}, {"type": "text"}]

    def changed(value: Any) -> Any:
        if rng.random() < 0.12:
            return rng.choice(pieces)
        if isinstance(value, dict):
            return {name: changed(inner) for name, inner in value.items() if rng.random() > 0.05}
        return [changed(inner) for inner in value] if isinstance(value, list) else value

    good = orjson.loads(chat([{"type": "text", "text": "4"}], reasoning="r", refusal=None).body)
    read = 0
    for _ in range(5_000):
        with contextlib.suppress(MalformedAnswer):
            read += isinstance(read_completion(changed(good), 1.0), Completion)
    assert 100 < read < 4_900


# The way, and what is done when it is at fault


def test_a_completion_comes_whole_in_one_piece_or_in_chunks() -> None:
    for reply in (chat("42"), replace(chat("42"), chunked=True)):
        completion, engine, _ = completed(reply)
        assert completion.text == "42"
        assert completion.latency_s > 0
        assert (engine.stats.sent, engine.stats.ok, engine.stats.statuses) == (1, 1, {200: 1})


HTML = Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html"})
AT_ONCE = {"Retry-After": "0"}
BOMB = gzip.compress(bytes(65 * 2**20), 1)
CUT = Reply(raw=b"HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{", then="reset")


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (error(429, retry_after="0"), "rate_limited"),
        (error(503, retry_after="0"), "overloaded"),
        (error(529, retry_after="0"), "overloaded"),
        (error(500, retry_after="0"), "overloaded"),
        (error(502, retry_after="0"), "connection"),
        (error(504, retry_after="0"), "timeout"),
        (HTML, "malformed"),
        (Reply(b'{"choices": [], "x": NaN}'), "malformed"),
        (Reply(b"\xff\xfe"), "malformed"),
        (Reply(b""), "malformed"),
        (Reply(b"[" * 100_000), "malformed"),
        (Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n\r\n", then="close"), "malformed"),
        (Reply(raw=b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), "connection"),
        (Reply(raw=b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", then="close"), "malformed"),
        (CUT, "connection"),
        (replace(CUT, then="close"), "connection"),
        (Reply(raw=b"", then="reset"), "connection"),
        (Reply(raw=b"", then="close"), "connection"),
        (Reply(raw=b"", then="stall"), "timeout"),
        (replace(CUT, then="stall"), "timeout"),
    ],
)
def test_a_fault_of_the_way_is_counted_and_the_request_sent_again(reply: Reply, cause: str) -> None:
    completion, engine, server = completed(reply, chat("42"), timeout_s=0.3)
    assert completion.text == "42"
    assert engine.stats.causes == {cause: 1}
    assert (engine.stats.sent, len(server.posts)) == (2, 2)


def test_a_request_is_sent_as_often_as_the_recipe_says_and_its_error_tells_the_last_answer() -> None:
    caught, server = failed(error(429, "slow down " + "x" * 3000, retry_after="0"), tries=3)
    assert isinstance(caught, EngineError)
    assert (caught.cause, caught.status, caught.tries, caught.model, caught.retryable) == (
        "rate_limited",
        429,
        3,
        "m",
        True,
    )
    assert len(caught.response) == 2000
    assert "slow down" in caught.response
    assert "status 429" in str(caught)
    assert len(server.posts) == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n{",
        b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000000\r\n" + b" " * 2**24 + b"\r\n",
    ],
)
def test_an_endless_answer_is_cut_off(raw: bytes) -> None:
    async def endless(call: Call) -> Reply:
        chunk = raw[raw.index(b"\r\n\r\n") + 4 :] if b"chunked" in raw else b""
        return Reply(raw=raw + 5 * chunk, then="stall")

    async def body(engine: OpenAIEngine, server: Server) -> EngineError:
        with pytest.raises(EngineError) as caught:
            await engine.complete(ask())
        return caught.value

    caught = with_engine(endless, body, tries=1)
    assert caught.cause == "malformed"
    assert "longer than" in str(caught)


@pytest.mark.parametrize(
    ("status", "message", "code", "cause"),
    [
        (
            400,
            "This model's maximum context length is 8192 tokens. However, you requested 9000",
            "",
            "context_overflow",
        ),
        (400, "too long", "context_length_exceeded", "context_overflow"),
        (
            400,
            "The decoder prompt (length 21535) is longer than the maximum model length of 16384.",
            "",
            "context_overflow",
        ),
        (
            400,
            "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
            "",
            "context_overflow",
        ),
        (400, "Requested token count exceeds the model's maximum context length", "", "context_overflow"),
        (
            400,
            "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
            "",
            "context_overflow",
        ),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", "", "context_overflow"),
        (400, "the request exceeds the available context size", "exceed_context_size_error", "context_overflow"),
        (413, "prompt is too long: 210000 tokens > 200000 maximum", "", "context_overflow"),
        (400, "The response was filtered", "content_filter", "content_filter"),
        (400, "Your request was rejected", "content_policy_violation", "content_filter"),
        (403, "Your input was flagged", "moderation", "content_filter"),
        (404, "The model `m` does not exist", "model_not_found", "invalid_request"),
        (400, "temperature must be at most 2", "invalid_request_error", "invalid_request"),
        (405, "Method Not Allowed", "", "invalid_request"),
    ],
)
def test_what_is_wrong_with_the_request_itself_is_not_sent_again(
    status: int, message: str, code: str, cause: str
) -> None:
    caught, server = failed(error(status, message, code=code))
    assert isinstance(caught, EngineError)
    assert (caught.cause, caught.status, caught.tries, caught.retryable) == (cause, status, 1, False)
    assert message in str(caught)
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": "error", "message": "no such model", "code": 404}',
        b'{"detail": "no such model"}',
        b'{"detail": [{"msg": "no such model", "loc": ["body", 0]}]}',
        b'{"error": "no such model"}',
        b'["no such model"]',
        b'"no such model"',
        b"no such model",
        b"<p>no such model</p>\xff",
    ],
)
def test_the_servers_message_is_found_in_whatever_shape_it_comes(body: bytes) -> None:
    fault = fault_of(404, {}, body, str)
    assert fault.cause == "invalid_request"
    assert "no such model" in fault.detail


def test_a_servers_message_is_one_line_that_a_terminal_does_not_act_upon() -> None:
    fault = fault_of(400, {}, b'{"message": "no\\u001b[2J\\r\\n  such\\tmodel"}', str)
    assert fault.detail == "status 400, no\ufffd[2J such model"


def test_a_failure_wrapped_in_status_200_is_read_as_what_it_is() -> None:
    wrapped = Reply(orjson.dumps({"error": {"code": 429, "message": "provider is busy"}}), headers=AT_ONCE)
    _, engine, _ = completed(wrapped, chat())
    assert engine.stats.causes == {"rate_limited": 1}


@pytest.mark.parametrize(
    ("status", "headers", "too_much", "server"),
    [
        (429, {}, True, False),
        (503, {"Retry-After": "1"}, True, False),
        (503, {}, True, True),
        (529, {}, True, False),
        (500, {}, False, True),
        (502, {"Retry-After": "1"}, False, True),
        (404, {}, False, False),
    ],
)
def test_pushing_back_is_told_apart_from_being_broken(
    status: int, headers: dict[str, str], too_much: bool, server: bool
) -> None:
    fault = fault_of(status, headers, b"", str)
    assert (fault.too_much, fault.server) == (too_much, server)


def test_an_account_without_means_stops_the_run() -> None:
    for reply in (error(429, "check your plan", code="insufficient_quota"), error(402, "Insufficient Balance")):
        caught, server = failed(reply)
        assert isinstance(caught, RunStopped)
        assert server.url in str(caught)
        assert len(server.posts) == 1


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", "", 7.0),
        ("0.5", "", 0.5),
        ("-3", "", 0.0),
        ("1e9", "", 600.0),
        ("nan", "", None),
        ("soon", "", None),
        ("Wed, 21 Oct 2099 07:28:30 GMT", "Wed, 21 Oct 2099 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2099 07:28:30 GMT", "Wed, 21 Oct 2099 07:29:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", "", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_by_the_servers_clock(
    value: str, date: str, seconds: float | None
) -> None:
    assert retry_after({"Retry-After": value, "Date": date}) == seconds


def test_retry_after_in_milliseconds_goes_first() -> None:
    assert retry_after({"Retry-After-Ms": "250", "Retry-After": "9"}) == 0.25
    assert retry_after({}) is None


def test_a_request_that_is_to_wait_gives_its_place_to_the_next_one() -> None:
    rejected = set[str]()

    def script(call: Call) -> Reply:
        if call.prompt == "a" and "a" not in rejected:
            rejected.add("a")
            return error(429, retry_after="Wed, 21 Oct 2099 07:28:01 GMT", date="Wed, 21 Oct 2099 07:28:00 GMT")
        return chat(delay_s=0.01)

    async def body(engine: OpenAIEngine, server: Server) -> list[str]:
        await asyncio.gather(*(engine.complete(ask(prompt)) for prompt in ("a", "b", "c")))
        return [call.prompt for call in server.posts]

    assert with_engine(script, body, concurrency=1) == ["a", "b", "c", "a"]


def test_no_more_completions_than_the_limit_are_ever_unkept() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> int:
        may_end, unkept = asyncio.Event(), list[Completion]()

        async def keep(completion: Completion) -> None:
            unkept.append(completion)
            await may_end.wait()

        tasks = [asyncio.create_task(engine.complete(ask(), keep)) for _ in range(40)]
        await asyncio.sleep(0.3)
        held = len(unkept)
        may_end.set()
        await asyncio.gather(*tasks)
        assert (len(unkept), len(server.posts)) == (40, 40)
        return held

    assert with_engine(in_turn(chat()), body, concurrency=8) == 8


def test_a_completion_that_cannot_be_kept_gives_its_place_back() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> int:
        async def keep(completion: Completion) -> None:
            raise OSError("disk full")

        for _ in range(3):
            with pytest.raises(OSError, match="disk full"):
                await engine.complete(ask(), keep)
        return engine.stats.in_flight

    assert with_engine(in_turn(chat()), body, concurrency=1) == 0


def test_a_cancelled_request_gives_back_its_place_and_its_connection() -> None:
    def script(call: Call) -> Reply:
        return Reply(raw=b"", then="stall") if call.prompt == "stall" else chat()

    async def body(engine: OpenAIEngine, server: Server) -> tuple[int, int]:
        for _ in range(3):
            task = asyncio.create_task(engine.complete(ask("stall")))
            while not server.open:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while server.open:
                await asyncio.sleep(0.001)
        await engine.complete(ask())
        return engine.stats.in_flight, server.connections

    assert with_engine(script, body, concurrency=1) == (0, 4)


def test_connections_are_used_again() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> tuple[int, int]:
        await asyncio.gather(*(engine.complete(ask()) for _ in range(2_000)))
        return server.connections, server.most_busy

    connections, most_busy = with_engine(lambda call: chat(delay_s=0.005), body, concurrency=64)
    assert 32 <= connections <= 64
    assert most_busy <= 64


def test_a_kept_connection_that_the_server_has_closed_costs_no_try() -> None:
    def script(call: Call) -> Reply:  # as it looks when the server closes an idle connection just as it is used
        return chat() if call.number == 0 else Reply(raw=b"", then="close" if call.connection % 2 else "reset")

    async def body(engine: OpenAIEngine, server: Server) -> tuple[int, int, object]:
        for _ in range(6):
            await engine.complete(ask())
        return engine.stats.sent, engine.stats.reconnected, engine.stats.causes

    sent, reconnected, causes = with_engine(script, body, tries=1)
    assert (sent, causes) == (6, {})
    assert reconnected >= 2


def test_a_kept_connection_that_breaks_within_an_answer_is_a_fault() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> tuple[int, object]:
        for _ in range(2):
            await engine.complete(ask())
        return engine.stats.reconnected, engine.stats.causes

    for then in ("reset", "close"):
        script = in_turn(chat(), replace(CUT, then=then), chat())
        assert with_engine(script, body) == (0, {"connection": 1})


def test_a_server_that_closes_every_connection_unanswered_is_not_asked_forever() -> None:
    caught, server = failed(Reply(raw=b"", then="close"), tries=2)
    assert isinstance(caught, EngineError)
    assert (caught.cause, caught.tries, len(server.posts)) == ("connection", 2, 2)


def test_redirects_are_not_followed() -> None:
    async def main() -> tuple[str, int]:
        async with serving(in_turn(chat())) as other:
            moved = Reply(status=307, headers={"Location": f"{other.url}/chat/completions"})
            async with engine_for(in_turn(moved)) as (engine, _):
                with pytest.raises(EngineError) as caught:
                    await engine.complete(ask())
                assert other.url in str(caught.value)
                return caught.value.cause, len(other.calls)

    assert asyncio.run(main()) == ("invalid_request", 0)


# Keys


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_the_run_and_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    caught, server = failed(error(status, f"Incorrect API key provided: {KEY}."), key="env:MODEL_KEY")
    assert isinstance(caught, KeyRefused)
    assert "env:MODEL_KEY" in str(caught)
    assert server.url in str(caught)
    assert "totally" not in everything_of(caught)


@pytest.mark.parametrize(
    "reply",
    [
        error(400, f"{'x' * 290} you sent {KEY} {'y' * 3000}"),
        error(500, f"crashed with headers {'y' * 100} {KEY}", retry_after="0"),
        Reply(f"<html>{'z' * 1985}{KEY}".encode()),
        Reply(status=307, headers={"Location": f"http://127.0.0.1/?key={KEY}"}),
        Reply(raw=f"HTTP/1.1 {KEY}\r\n\r\n".encode(), then="close"),
        Reply(orjson.dumps({"choices": [{"message": {"content": "4"}, "finish_reason": KEY}]})),
    ],
)
def test_a_key_that_a_server_echoes_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch, reply: Reply) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    caught, _ = failed(reply, key="env:MODEL_KEY", tries=1)
    assert isinstance(caught, EngineError)
    assert "totally" not in everything_of(caught)
    assert "sk-51H" not in everything_of(caught)


def test_an_engine_does_not_show_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)

    async def body(engine: OpenAIEngine, server: Server) -> str:
        await engine.complete(ask())
        return f"{engine!r} {engine} {engine.stats} {vars(engine)} {vars(engine._client)} {vars(engine._endpoints)}"

    assert "totally" not in with_engine(in_turn(chat()), body, key="env:MODEL_KEY")


def everything_of(caught: BaseException) -> str:
    """All that a log, a traceback, a debugger's view of the frames or a pickle would show of an exception."""
    texts = [str(caught), repr(caught), repr(vars(caught)), *traceback.format_exception(caught)]
    frame = caught.__traceback__
    while frame is not None:
        if "/catena/" in frame.tb_frame.f_code.co_filename or "aiohttp" in frame.tb_frame.f_code.co_filename:
            texts.append(repr(frame.tb_frame.f_locals))
        frame = frame.tb_next
    assert caught.__cause__ is None
    assert caught.__context__ is None
    return " ".join(texts) + pickle.dumps(caught.args).decode("latin-1")


def test_a_server_that_wants_a_key_where_none_is_named_says_so() -> None:
    caught, _ = failed(error(401, "missing"))
    assert isinstance(caught, KeyRefused)
    assert "wants a key" in str(caught)


@pytest.mark.parametrize(
    "more",
    [
        {"key": KEY},
        {"key": "env:CATENA_TEST_UNSET"},
        {"options": {"headers": {"Authorization": f"Bearer {KEY}"}}},
        {"options": {"headers": {"X-Team": "a\nb"}}},
        {"options": {"headers": ["X-Team"]}},
        {"options": {"structured": "yaml"}},
        {"options": {"send_seed": 1}},
        {"options": {"streaming": True}},
        {"urls": ()},
        {"urls": ("127.0.0.1:8000/v1",)},
        {"urls": ("http://127.0.0.1:99999/v1",)},
        {"urls": (f"https://me:{KEY}@models.example/v1",)},
        {"concurrency": 0},
        {"tries": 0},
        {"timeout_s": 0.0},
    ],
)
def test_a_model_that_cannot_be_asked_is_refused_in_one_sentence_before_anything_is_sent(more: dict[str, Any]) -> None:
    async def main() -> None:
        with pytest.raises(UserError) as caught:
            open_engine(spec(**{"urls": ("http://127.0.0.1:9/v1",), **more}))
        assert "\n" not in str(caught.value)
        assert "totally" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"

    asyncio.run(main())


# Proxies


def test_no_proxy_stands_between_this_machine_and_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    completion, _, _ = completed(chat("42"))
    assert completion.text == "42"


def test_the_environments_proxy_is_used_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Call:
        async with serving(in_turn(chat())) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://me:pass@").removesuffix("/v1"))
            engine = OpenAIEngine(spec("http://models.invalid/v1"))
            await engine.complete(ask())
            await engine.close()
            return proxy.calls[0]

    call = asyncio.run(main())
    assert call.path == "http://models.invalid/v1/chat/completions"
    assert call.headers["proxy-authorization"] == "Basic bWU6cGFzcw=="
    monkeypatch.setenv("no_proxy", "models.invalid")
    assert place("http://models.invalid/v1/", "models") == "http://models.invalid/v1/models"


# Pace


def test_five_percent_of_random_rejections_do_not_bring_concurrency_down() -> None:
    rng = Random(1)

    def script(call: Call) -> Reply:
        return error(429, retry_after_ms="20") if rng.random() < 0.05 else chat(delay_s=0.01)

    async def body(engine: OpenAIEngine, server: Server) -> tuple[int, int]:
        await asyncio.gather(*(engine.complete(ask()) for _ in range(3_000)))
        return engine.stats.limit, server.most_busy

    limit, most_busy = with_engine(script, body, concurrency=64, tries=8)
    assert limit > 40
    assert most_busy > 55


def test_a_server_that_takes_sixteen_at_once_gets_about_sixteen_and_no_request_fails() -> None:
    busy = 0

    async def script(call: Call) -> Reply:
        nonlocal busy
        if busy >= 16:
            return error(429, retry_after_ms="50")
        busy += 1
        await asyncio.sleep(0.02)
        busy -= 1
        return chat()

    async def body(engine: OpenAIEngine, server: Server) -> tuple[list[int], int]:
        limits: list[int] = []

        async def watch() -> None:
            while True:
                await asyncio.sleep(0.02)
                limits.append(engine.stats.limit)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(engine.complete(ask()) for _ in range(2_000)))
        watching.cancel()
        return limits[len(limits) // 2 :], engine.stats.causes["rate_limited"]

    limits, rejections = with_engine(script, body, concurrency=256, tries=8)
    assert 10 <= sum(limits) / len(limits) <= 20
    assert rejections < 1_000


def test_a_server_that_rejects_most_rests_as_long_as_it_asks() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> tuple[int, int]:
        tasks = [asyncio.create_task(engine.complete(ask())) for _ in range(500)]
        await asyncio.sleep(0.5)
        during = len(server.posts)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return during, engine.stats.in_flight

    during, in_flight = with_engine(lambda call: error(429, retry_after="30"), body, concurrency=64)
    assert during < 64
    assert in_flight == 0


# What the server offers, and the end


def test_the_models_are_those_that_every_server_offers() -> None:
    def listing(*names: str) -> Reply:
        return Reply(orjson.dumps({"object": "list", "data": [{"id": name} for name in names]}))

    async def main() -> list[str]:
        async with serving(in_turn(listing("a", "m"))) as one, serving(in_turn(listing("m", "b"))) as two:
            engine = OpenAIEngine(spec(one.url, two.url))
            found = await engine.models()
            await engine.close()
            assert one.calls[0].path == "/v1/models"
            return found

    assert asyncio.run(main()) == ["m"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(401, "missing"), KeyRefused),
        (error(404, "nothing here"), EngineError),
        (HTML, EngineError),
        (Reply(b'{"data": [{"name": "m"}]}'), EngineError),
        (Reply(b'["m"]'), EngineError),
        (Reply(raw=b"", then="reset"), ServerUnreachable),
    ],
)
def test_a_server_without_a_list_of_models_is_one_sentence(reply: Reply, kind: type[CatenaError]) -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        with pytest.raises(kind, match=server.url) as caught:
            await engine.models()
        assert "\n" not in str(caught.value)

    with_engine(in_turn(reply), body)


def test_closing_twice_is_safe_and_leaves_no_connection() -> None:
    async def main() -> int:
        async with engine_for(in_turn(chat())) as (engine, server):
            await engine.complete(ask())
            await engine.close()
            await engine.close()
            await asyncio.sleep(0.05)
            return server.open

    assert asyncio.run(main()) == 0


def test_a_host_that_does_not_exist_is_named() -> None:
    async def main() -> str:
        engine = OpenAIEngine(spec("http://models.invalid/v1", tries=1))
        with pytest.raises(EngineError) as caught:
            await engine.complete(ask())
        await engine.close()
        return f"{caught.value.cause} {caught.value}"

    assert "connection m: connection after 1 try: http://models.invalid/v1: " in asyncio.run(main())
