"""What the server does with a request, whatever connection it came on: refuse, limit, fault, answer, and count."""

import hmac
import os
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from catena.engines.rehearsal import wire
from catena.engines.rehearsal.answers import Answer, answer, cut
from catena.engines.rehearsal.faults import content_fault, latency, spoiled, transport_fault, within_body
from catena.engines.rehearsal.files import PlantedFile, RequestLog
from catena.engines.rehearsal.question import Question, Refused, read_question
from catena.engines.rehearsal.settings import Faults, RehearsalSettings
from catena.engines.rehearsal.truth import TruthFile, read_truth
from catena.errors import RecipeError

_CHAT = (b"/v1/chat/completions", b"/chat/completions")
_MODELS = (b"/v1/models", b"/models")
_ERROR_S = 0.002
ANY_MODEL = "rehearsal"
"""What a server that answers for every model name lists as one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a connection has to do.

    Attributes:
        data: The bytes to send; None: never answer.
        delay_s: How long to wait first.
        end: What happens to the connection afterwards.
        counted: Whether the request counts as in flight until then.
    """

    data: bytes | None
    delay_s: float = 0.0
    end: Literal["keep", "close", "reset"] = "keep"
    counted: bool = False


class Down(Exception):
    """The server goes down at this request."""


class Service:
    """The state of a server: how often each request came, and the counters of `/stats`.

    Raises:
        RecipeError: The key's reference leads nowhere.
        DatasetError, RunFolderError: A file cannot be read or written.
    """

    def __init__(self, settings: RehearsalSettings) -> None:
        self.settings = settings
        self.truth = TruthFile() if settings.truth is None else read_truth(settings.truth)
        self.planted = None if settings.planted is None else PlantedFile(settings.planted)
        self.log = None if settings.log is None else RequestLog(settings.log)
        self.in_flight = self.connections = self.open_connections = 0
        self._key = None if settings.key is None else _secret(settings.key)
        self._fingerprint, self._faulty = settings.fingerprint, settings.faults != Faults()
        self._attempts: dict[bytes, int] = {}
        self._requests = self._max_in_flight = self._again = 0
        self._faults: Counter[str] = Counter()
        self._purposes: Counter[str] = Counter()
        self._models: Counter[str] = Counter()
        self._tokens = [0, 0]
        self._allowance, self._refilled = max(1.0, settings.requests_per_second or 1.0), time.monotonic()
        self._alive_until = settings.down_after

    def handle(self, method: bytes, target: bytes, authorization: bytes, body: bytes, *, close: bool) -> Reply:
        """The reply to one request.

        Raises:
            Down: It is the first one after `down_after`; nothing is answered any more until `revive`.
        """
        path = target.partition(b"?")[0]
        end: Literal["keep", "close"] = "close" if close else "keep"
        try:
            if method == b"POST" and path in _CHAT:
                return self._chat(authorization, body, end)
            return Reply(wire.message(200, self._looked_up(method, path, authorization), close=close), end=end)
        except Refused as refused:
            return Reply(wire.error(refused, close=close), end=end)
        except Down:
            raise
        except Exception as error:  # one request that fails must not take the others with it
            traceback.print_exc()
            words = f"The rehearsal itself failed ({type(error).__name__}); what it prints says where."
            return Reply(wire.error(Refused(500, words, type="server_error"), close=close), end=end)

    def finished(self) -> None:
        """A counted request was answered, or its client is gone."""
        self.in_flight -= 1

    def revive(self) -> None:
        """The server is up again, for good."""
        self._alive_until = None

    def stats(self) -> dict[str, Any]:
        """The counters of `/stats`."""
        return {
            "requests": self._requests,
            "in_flight": self.in_flight,
            "max_in_flight": self._max_in_flight,
            "again": self._again,
            "distinct": len(self._attempts),
            "faults": dict(self._faults),
            "purposes": dict(self._purposes),
            "models": dict(self._models),
            "prompt_tokens": self._tokens[0],
            "completion_tokens": self._tokens[1],
            "connections": self.connections,
            "open_connections": self.open_connections,
            "cpu_s": time.thread_time(),
        }

    def flush(self) -> None:
        """Writes the kept lines of the request log; where they cannot be written the log ends, and says so."""
        if self.log is not None:
            try:
                self.log.flush()
            except OSError as error:
                print(f"catena rehearse: {self.settings.log}: {error.strerror}; the log ends here", file=sys.stderr)
                self.log = None

    def close(self) -> None:
        """Closes the files; safe to call twice."""
        self.flush()
        for file in (self.planted, self.log):
            if file is not None:
                file.close()

    def _looked_up(self, method: bytes, path: bytes, authorization: bytes) -> bytes:
        pages = {b"/health": {"status": "ok"}, b"/stats": None}
        if path not in pages and path not in _MODELS and path not in _CHAT:
            raise Refused(404, f"Unknown request URL: {path[:200].decode('latin-1')}.", code="unknown_url")
        if method != b"GET" or path in _CHAT:
            raise Refused(405, f"Not allowed to {method.decode('latin-1')} on {path.decode('latin-1')}.")
        if path in _MODELS:
            self._check_key(authorization)
            return orjson.dumps({"object": "list", "data": [_model(name) for name in self._names()]})
        return orjson.dumps(self.stats() if pages[path] is None else pages[path])

    def _names(self) -> list[str]:
        return [*self.settings.models, *([] if self.settings.only_named else [ANY_MODEL])]

    def _check_key(self, authorization: bytes) -> None:
        if self._key is not None and not hmac.compare_digest(authorization, b"Bearer " + self._key):
            raise Refused(401, "Incorrect API key provided.", code="invalid_api_key")

    def _chat(self, authorization: bytes, body: bytes, end: Literal["keep", "close"]) -> Reply:
        self._requests += 1
        if self._alive_until is not None and self._requests > self._alive_until:
            self._read(None, 0, "down")
            raise Down
        try:
            self._check_key(authorization)
            question = read_question(body)
            self._check_fit(question)
        except Refused:
            self._read(None, 0, "invalid")
            raise
        return self._admitted(question, end) or self._decided(question, end)

    def _check_fit(self, question: Question) -> None:
        if self.settings.only_named and question.model not in self.settings.models:
            text = f"The model `{question.model[:200]}` does not exist or you do not have access to it."
            raise Refused(404, text, param="model", code="model_not_found")
        if self.settings.context is not None and question.prompt_tokens >= self.settings.context:
            raise wire.too_long(question, self.settings)

    def _admitted(self, question: Question, end: Literal["keep", "close"]) -> Reply | None:
        """A 429 where a real limit is reached; such a request does not count as an attempt."""
        limit, wait = self.settings.limit_in_flight, self._wait()
        if wait is None and (limit is None or self.in_flight < limit):
            return None
        self._read(question, self._attempts.get(question.body, 0) + 1, "limited")
        words = "Too many requests in flight." if wait is None else "Rate limit reached for requests per second."
        return self._turned_away(words, self.settings.retry_after_s if wait is None else wait, end)

    def _wait(self) -> float | None:
        """Takes one request out of the rate's allowance; seconds until there is one where it is spent."""
        rate = self.settings.requests_per_second
        if rate is None:
            return None
        now = time.monotonic()
        self._allowance = min(max(1.0, rate), self._allowance + rate * (now - self._refilled))
        self._refilled = now
        if self._allowance < 1:
            return (1 - self._allowance) / rate
        self._allowance -= 1
        return None

    def _turned_away(self, words: str, retry_after: float, end: Literal["keep", "close"]) -> Reply:
        refused = Refused(429, words, code="rate_limit_exceeded", type="requests")
        self._enter()
        return Reply(wire.error(refused, close=end == "close", retry_after=retry_after), _ERROR_S, end, True)

    def _decided(self, question: Question, end: Literal["keep", "close"]) -> Reply:
        attempt = self._attempts.get(question.body, 0) + 1
        self._attempts[question.body] = attempt
        self._again += attempt > 1
        settings = self.settings
        fault = transport_fault(settings, question, attempt) if self._faulty else None
        in_content = content_fault(settings, question, attempt) if self._faulty and fault is None else None
        self._read(question, attempt, fault or in_content or "ok")
        if fault == "r429":
            return self._turned_away("Rate limit reached (rehearsed).", settings.retry_after_s, end)
        delay = latency(settings, question, attempt)
        if fault == "r500":
            refused = Refused(500, "The server had an error (rehearsed).", type="server_error")
            data = wire.error(refused, close=end == "close")
        elif fault == "stall":
            self._enter()
            return Reply(None, counted=True)
        elif fault == "garbled":
            data = wire.message(200, wire.GARBLED, close=end == "close")
        else:
            data = self._answered(question, attempt, in_content, fault is None, end)
        self._enter()
        if fault == "reset":
            kept = data.find(b"\r\n\r\n") + 4
            middle = kept + (len(data) - kept) // 2
            return Reply(data[:middle] if within_body(settings, question, attempt) else b"", delay, "reset", True)
        return Reply(data, delay, end, True)

    def _answered(self, question: Question, attempt: int, fault: str | None, delivered: bool, end: str) -> bytes:
        said = answer(question, self.settings, self.truth)
        if fault is not None:
            said = spoiled(said, fault, self.settings, question, attempt)
        said = cut(said, self._room(question))
        if delivered:
            self._keep(question, said)
        if question.stream:
            return wire.stream(question, said, self.settings, self._fingerprint, close=end == "close")
        return wire.message(
            200, wire.completion(question, said, self.settings, self._fingerprint), close=end == "close"
        )

    def _room(self, question: Question) -> int:
        """Tokens that an answer may have."""
        context = self.settings.context
        free = 1 << 60 if context is None else context - question.prompt_tokens
        return free if question.max_tokens is None else min(free, question.max_tokens)

    def _keep(self, question: Question, said: Answer) -> None:
        self._tokens[0] += question.prompt_tokens
        self._tokens[1] += said.tokens
        if self.planted is not None and said.written is not None:
            self.planted.add(said.written, question.model)

    def _enter(self) -> None:
        self.in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self.in_flight)

    def _read(self, question: Question | None, attempt: int, fault: str) -> None:
        self._faults[fault] += 1
        if question is not None:
            self._purposes[question.kind] += 1
            self._models[question.model] += 1
        if self.log is not None:
            self.log.add(question, attempt, fault, self.in_flight + 1)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": wire.CREATED, "owned_by": "catena"}


def _secret(reference: str) -> bytes:
    kind, _, place = reference.partition(":")
    try:
        secret = os.environ.get(place) if kind == "env" else Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"key: the file {place} cannot be read; put the key there or name another") from error
    if secret is None or not secret.strip():
        raise RecipeError(f"key: {reference} holds no key; set it, or leave the setting out")
    return secret.strip().encode()
