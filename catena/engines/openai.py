"""The `openai` engine: any server that speaks OpenAI's chat completions (or embeddings), one or several for a model.

Requests are sent again here only where the way was at fault (rate limit, overload, timeout, connection, an answer that is
no completion); whether the *content* is of use is judged by `catena.asking`. Not here: streaming, tools, several choices.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NoReturn

import orjson

from catena.discovery import EVERY_S, discovered, is_source
from catena.engines.base import Completion, Keep, Request
from catena.engines.endpoints import Endpoint, Endpoints
from catena.engines.http_client import Answer, HttpClient, Target, target_of
from catena.engines.http_errors import SHOWN, Fault, fault_of, plain
from catena.engines.models import ModelSpec
from catena.engines.openai_body import MalformedAnswer, read_completion, request_body
from catena.engines.openai_embeddings import embedding_body, read_embedding
from catena.engines.openai_options import Options, check, headers_of, place, read_options
from catena.engines.pacing import Gate, Pace
from catena.errors import RETRYABLE, Cause, EngineError, KeyRefused, RunStopped, ServerUnreachable, UserError
from catena.secrets import redact

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine did so far, and where it stands.

    Attributes:
        sent: Requests sent, repetitions included.
        ok: Completions received.
        reconnected: Requests sent twice because a kept connection turned out to be closed.
        statuses: Answers by HTTP status.
        causes: Sendings that came to nothing, by cause.
        in_flight: Requests that hold a place, up to their completion being kept.
        limit: Requests that may be in flight now.
        down: Base URLs that are out of service.
    """

    sent: int = 0
    ok: int = 0
    reconnected: int = 0
    statuses: Mapping[int, int] = field(default_factory=dict)
    causes: Mapping[Cause, int] = field(default_factory=dict)
    in_flight: int = 0
    limit: int = 0
    down: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Api:
    """One of the APIs of such a server: where it lies below the base URL, how a request is written and an answer read."""

    path: str
    body: Callable[[Request, Options], bytes]
    read: Callable[[object, float], Completion]


CHAT = Api("chat/completions", request_body, read_completion)
EMBEDDINGS = Api("embeddings", embedding_body, read_embedding)


class OpenAIEngine:
    """Completions of one model over HTTP; must be made inside a running event loop.

    Raises:
        UserError: A URL, an option or the reference to the key is of no use.
    """

    def __init__(self, spec: ModelSpec, api: Api = CHAT) -> None:
        check(spec)
        self.spec = spec
        self._api = api
        self._options = read_options(spec)
        headers, self._secrets = headers_of(spec, self._options)
        self._chat: dict[Endpoint, Target] = {}
        self._models: dict[Endpoint, Target] = {}
        urls = discovered(spec.urls)
        endpoints = [self._endpoint(url, len(urls)) for url in urls]
        self._gate = Gate(self._limit)
        self._endpoints = Endpoints(spec.model, endpoints, self._probe, spec.patience_s, self._gate.refill)
        self._client = HttpClient(headers, spec.timeout_s, self._redact)
        self._random = random.Random(0)
        self._sent = self._ok = 0
        self._statuses: Counter[int] = Counter()
        self._causes: Counter[Cause] = Counter()
        sources = any(map(is_source, spec.urls))
        self._looking = asyncio.get_running_loop().create_task(self._look_again()) if sources else None

    async def complete(self, request: Request, keep: Keep | None = None) -> Completion:
        """The completion of `request`; see `catena.engines.base.Engine`.

        Raises:
            EngineError: `tries` sendings came to nothing, or the server refuses the request.
            ServerUnreachable: No server could be reached for `patience_s` seconds.
            KeyRefused: A server refused the key.
            RunStopped: The account behind the key is out of means.
        """
        async with self._gate:
            completion = await self._send(request)
            if keep is not None:
                await keep(completion)
            return completion

    async def models(self) -> list[str]:
        """The ids of the models that every server offers, sorted.

        Raises:
            ServerUnreachable: A server cannot be reached.
            KeyRefused: A server refused the key.
            EngineError: A server has no list of models.
        """
        if not self._endpoints.all:
            raise ServerUnreachable(f"{self.spec.model}: {', '.join(self.spec.urls)} names no server yet; start one")
        offered = [set(await self._models_of(endpoint)) for endpoint in self._endpoints.all]
        return sorted(set.intersection(*offered))

    async def close(self) -> None:
        """Lets go of connections and probes; safe to call twice."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._endpoints.close()
        await self._client.close()

    @property
    def stats(self) -> Stats:
        """A copy of the books."""
        return Stats(
            self._sent,
            self._ok,
            self._client.reconnected,
            dict(self._statuses),
            dict(self._causes),
            self._gate.inside,
            self._limit(),
            tuple(each.url for each in self._endpoints.all if not each.up),
        )

    def _endpoint(self, url: str, of: int) -> Endpoint:
        """A server that is one of so many."""
        endpoint = Endpoint(url, Pace(self.spec.concurrency, -(-max(16, self.spec.concurrency // 2) // of)))
        self._chat[endpoint] = target_of(place(url, self._api.path))
        self._models[endpoint] = target_of(place(url, "models"))
        return endpoint

    async def _look_again(self) -> None:
        """Follows what a scheduler writes; where it names no server, or no sense is made of it, those known stay."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                urls = await asyncio.to_thread(discovered, self.spec.urls)
            except UserError:  # half-written, or a mistake that the next writing mends
                continue
            known = {each.url: each for each in self._endpoints.all}
            if urls and set(urls) != set(known):
                self._endpoints.replace([known.get(url) or self._endpoint(url, len(urls)) for url in urls])

    def _limit(self) -> int:
        return min(self.spec.concurrency, self._endpoints.capacity())

    async def _send(self, request: Request) -> Completion:
        try:
            body = self._api.body(request, self._options)
        except TypeError as error:
            raise EngineError("invalid_request", f"cannot be sent: {error}", model=self.spec.model, tries=0) from None
        endpoint: Endpoint | None = None
        tries = 0
        while True:
            endpoint = await self._endpoints.pick(avoid=endpoint)
            outcome = await self._ask(endpoint, body)
            tries += 1
            if isinstance(outcome, Completion):
                return outcome
            if outcome.trouble is not None:
                self._stop(endpoint, outcome)
            if tries >= self.spec.tries or outcome.cause not in RETRYABLE:
                break
            if tries > 1 or not outcome.server or not self._endpoints.another(endpoint):
                await self._gate.step_out(self._backoff_s(outcome, tries))
        raise EngineError(
            outcome.cause,
            f"{endpoint.url}: {outcome.detail}",
            model=self.spec.model,
            status=outcome.status,
            tries=tries,
            response=outcome.response,
        )

    async def _ask(self, endpoint: Endpoint, body: bytes) -> Completion | Fault:
        """One sending, with its outcome in the books."""
        self._sent += 1
        ticket = endpoint.start()
        start = monotonic()
        try:
            answer = await self._client.post(self._chat[endpoint], body)
            outcome = answer if isinstance(answer, Fault) else self._read(answer, monotonic() - start)
            fault = outcome if isinstance(outcome, Fault) else None
            self._endpoints.note(endpoint, ticket, fault)
        finally:
            endpoint.in_flight -= 1
        if isinstance(answer, Answer):
            self._statuses[answer.status] += 1
        if fault is None:
            self._ok += 1
        else:
            self._causes[fault.cause] += 1
        return outcome

    def _read(self, answer: Answer, latency_s: float) -> Completion | Fault:
        if answer.status != 200:
            return fault_of(answer.status, answer.headers, answer.body, self._redact)
        decoded: object = None
        try:
            decoded = orjson.loads(answer.body)
            return self._api.read(decoded, latency_s)
        except orjson.JSONDecodeError as error:
            detail = f"the answer is no JSON ({error})"
        except MalformedAnswer as error:
            detail = str(error)
        if isinstance(decoded, dict) and isinstance(decoded.get("error"), dict) and not decoded.get("choices"):
            return self._error_inside(decoded["error"], answer)
        shown = self._redact(answer.body.decode("utf-8", "replace"))[:SHOWN]
        return Fault("malformed", plain(self._redact(detail)[:SHOWN])[:300], answer.status, shown)

    def _error_inside(self, error: dict[str, object], answer: Answer) -> Fault:
        """Gateways pass on a server's failure with status 200 and the failure's own status in the body."""
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        return fault_of(status, answer.headers, answer.body, self._redact)

    def _backoff_s(self, fault: Fault, tries: int) -> float:
        """Seconds until the next sending: what the server asked for and a little more, else exponential with full jitter."""
        if fault.retry_after_s is not None:
            return fault.retry_after_s + self._random.uniform(0, min(1.0, 0.1 + fault.retry_after_s / 10))
        return self._random.uniform(0, min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(tries - 1, 16)))

    def _stop(self, endpoint: Endpoint, fault: Fault) -> NoReturn:
        if fault.trouble == "account":
            raise RunStopped(
                f"{self.spec.model}: {endpoint.url} sends no more completions on this account ({fault.detail}); see to the "
                "account, then give the same command again"
            )
        if self.spec.key is None:
            raise KeyRefused(
                f'{self.spec.model}: {endpoint.url} wants a key ({fault.detail}); name one with key = "env:NAME" or '
                '"file:PATH"'
            )
        raise KeyRefused(
            f"{self.spec.model}: {endpoint.url} refuses the key that {self.spec.key} leads to ({fault.detail}); correct "
            "it, then give the same command again"
        )

    async def _probe(self, endpoint: Endpoint) -> str | None:
        answer = await self._client.get(self._models[endpoint], _PROBE_S)
        if isinstance(answer, Answer):
            return None if answer.status < 500 else f"status {answer.status}"
        return answer.detail

    async def _models_of(self, endpoint: Endpoint) -> list[str]:
        answer = await self._client.get(self._models[endpoint], _PROBE_S)
        if isinstance(answer, Fault):
            raise ServerUnreachable(
                f"{self.spec.model}: {endpoint.url} cannot be reached ({answer.detail}); start it or correct `urls`"
            )
        if answer.status != 200:
            fault = fault_of(answer.status, answer.headers, answer.body, self._redact)
            if fault.trouble is not None:
                self._stop(endpoint, fault)
            raise self._no_list(endpoint, fault)
        try:
            return [str(model["id"]) for model in orjson.loads(answer.body)["data"]]
        except (ValueError, TypeError, KeyError):
            shown = self._redact(answer.body.decode("utf-8", "replace"))[:SHOWN]
            raise self._no_list(endpoint, Fault("malformed", "the answer is no list of models", 200, shown)) from None

    def _no_list(self, endpoint: Endpoint, fault: Fault) -> EngineError:
        return EngineError(
            fault.cause,
            f"{endpoint.url}/models: {fault.detail}; is this the base URL (it ends in /v1 as a rule)?",
            model=self.spec.model,
            status=fault.status,
            response=fault.response,
        )

    def _redact(self, text: str) -> str:
        return redact(text, self._secrets)
