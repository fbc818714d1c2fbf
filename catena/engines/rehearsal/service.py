"""What the server does with a request, whatever connection it came on: refuse, limit, fault, or answer it."""

import traceback
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from catena.engines.rehearsal import wire
from catena.engines.rehearsal.admission import Admission
from catena.engines.rehearsal.answers import answer, cut
from catena.engines.rehearsal.counters import Counters
from catena.engines.rehearsal.embeddings import embeddings
from catena.engines.rehearsal.faults import content_fault, latency, spoiled, transport_fault, within_body
from catena.engines.rehearsal.files import PlantedFile
from catena.engines.rehearsal.question import Question, Refused, read_question
from catena.engines.rehearsal.settings import Faults, RehearsalSettings
from catena.engines.rehearsal.truth import TruthFile, read_truth

End = Literal["keep", "close", "reset"]

ANY_MODEL = "rehearsal"
"""What a server that answers for every model name lists as one."""
_CHAT = (b"/v1/chat/completions", b"/chat/completions")
_EMBEDDINGS = (b"/v1/embeddings", b"/embeddings")
_MODELS = (b"/v1/models", b"/models")
_PAGES = (*_MODELS, b"/health", b"/stats")
_TURNED_AWAY_S = 0.002


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
    end: End = "keep"
    counted: bool = False


class Down(Exception):
    """The server goes down at this request."""


class Service:
    """Replies by the settings, and counts.

    Raises:
        RecipeError: The key's reference leads nowhere.
        DatasetError, RunFolderError: A file of the settings cannot be read or written.
    """

    def __init__(self, settings: RehearsalSettings) -> None:
        self.settings = settings
        self._admission = Admission(settings)
        self._truth = TruthFile() if settings.truth is None else read_truth(settings.truth)
        self._planted = None if settings.planted is None else PlantedFile(settings.planted)
        self.counters = Counters(settings)
        self._fingerprint, self._faulty = settings.fingerprint, settings.faults != Faults()
        self._down_after = settings.down_after

    def handle(self, method: bytes, target: bytes, authorization: bytes, body: bytes, *, close: bool) -> Reply:
        """The reply to one request.

        Raises:
            Down: It is the first one after `down_after`; the caller takes the server down, and `revive` ends that.
        """
        path = target.partition(b"?")[0]
        try:
            if method == b"POST" and path in _CHAT:
                return self._chat(authorization, body, close)
            if method == b"POST" and path in _EMBEDDINGS:
                return Reply(wire.message(200, self._embed(authorization, body), close=close), end=_end(close))
            return Reply(wire.message(200, self._page(method, path, authorization), close=close), end=_end(close))
        except Refused as refused:
            return Reply(wire.error(refused, close=close), end=_end(close))
        except Down:
            raise
        except OSError as error:
            words = f"The planted problems cannot be written ({error.strerror}); free or choose another disk."
            unkept = Refused(500, words, type="server_error")
            return Reply(wire.error(unkept, close=close), end=_end(close))
        except Exception as error:  # one request that fails must not take the others with it
            traceback.print_exc()
            words = f"The rehearsal itself failed ({type(error).__name__}); what it prints says where."
            failure = Refused(500, words, type="server_error")
            return Reply(wire.error(failure, close=close), end=_end(close))

    def revive(self) -> None:
        """The server is up again, for good."""
        self._down_after = None

    def close(self) -> None:
        """Closes the files; safe to call twice."""
        self.counters.close()
        if self._planted is not None:
            self._planted.close()

    def _page(self, method: bytes, path: bytes, authorization: bytes) -> bytes:
        if path not in (*_PAGES, *_CHAT, *_EMBEDDINGS):
            raise Refused(404, f"Unknown request URL: {path[:200].decode('latin-1')}.", code="unknown_url")
        if method != b"GET" or path in (*_CHAT, *_EMBEDDINGS):
            raise Refused(405, f"Not allowed to {method.decode('latin-1')} on {path.decode('latin-1')}.")
        if path in _MODELS:
            self._admission.check_key(authorization)
            names = [*self.settings.models, *([] if self.settings.only_named else [ANY_MODEL])]
            return orjson.dumps({"object": "list", "data": [_model(name) for name in names]})
        return orjson.dumps(self.counters.as_json() if path == b"/stats" else {"status": "ok"})

    def _embed(self, authorization: bytes, body: bytes) -> bytes:
        """Vectors; neither faults nor limits are rehearsed for them."""
        self.counters.requests += 1
        self._admission.check_key(authorization)
        content, tokens = embeddings(body)
        self.counters.prompt_tokens += tokens
        return orjson.dumps(content)

    def _chat(self, authorization: bytes, body: bytes, close: bool) -> Reply:
        counters = self.counters
        counters.requests += 1
        if self._down_after is not None and counters.requests > self._down_after:
            counters.read(None, 0, "down")
            raise Down
        try:
            self._admission.check_key(authorization)
            question = read_question(body)
            self._admission.check_question(question)
        except Refused:
            counters.read(None, 0, "invalid")
            raise
        limited = self._admission.limited(counters.in_flight)
        if limited is None:
            return self._decided(question, close)
        counters.read(
            question, counters.attempts.get(question.body, 0) + 1, "limited"
        )  # no attempt: load must not move draws
        return self._turned_away(*limited, close)

    def _turned_away(self, words: str, retry_after: float, close: bool) -> Reply:
        refused = Refused(429, words, code="rate_limit_exceeded", type="requests")
        self.counters.enter()
        data = wire.error(refused, close=close, retry_after=retry_after)
        return Reply(data, _TURNED_AWAY_S, _end(close), True)

    def _decided(self, question: Question, close: bool) -> Reply:
        """The reply to a request that was let in, faults included."""
        settings, attempt = self.settings, self.counters.attempt(question)
        fault = transport_fault(settings, question, attempt) if self._faulty else None
        in_content = content_fault(settings, question, attempt) if self._faulty and fault is None else None
        self.counters.read(question, attempt, fault or in_content or "ok")
        if fault == "r429":
            return self._turned_away("Rate limit reached (rehearsed).", settings.retry_after_s, close)
        data, end = self._data(question, attempt, fault, in_content, close)
        self.counters.enter()
        return Reply(data, latency(settings, question, attempt), end, True)

    def _data(
        self, question: Question, attempt: int, fault: str | None, in_content: str | None, close: bool
    ) -> tuple[bytes | None, End]:
        if fault == "stall":
            return None, "keep"
        if fault == "r500":
            refused = Refused(500, "The server had an error (rehearsed).", type="server_error")
            return wire.error(refused, close=close), _end(close)
        if fault == "garbled":
            return wire.message(200, wire.GARBLED, close=close), _end(close)
        if fault == "reset" and not within_body(self.settings, question, attempt):
            return b"", "reset"
        data = self._answered(question, attempt, in_content, close, delivered=fault is None)
        if fault == "reset":
            start = data.find(b"\r\n\r\n") + 4
            return data[: start + (len(data) - start) // 2], "reset"
        return data, _end(close)

    def _answered(self, question: Question, attempt: int, fault: str | None, close: bool, *, delivered: bool) -> bytes:
        settings, counters = self.settings, self.counters
        said = answer(question, settings, self._truth)
        if fault is not None:
            said = spoiled(said, fault, settings, question, attempt)
        said = cut(said, self._room(question))
        if delivered:
            counters.prompt_tokens += question.prompt_tokens
            counters.completion_tokens += said.tokens
            if self._planted is not None and said.written is not None:
                self._planted.add(said.written, question.model)
        if question.stream:
            return wire.stream(question, said, settings, self._fingerprint, close=close)
        return wire.message(200, wire.completion(question, said, settings, self._fingerprint), close=close)

    def _room(self, question: Question) -> int:
        """Tokens that an answer may have."""
        context = self.settings.context
        free = 1 << 60 if context is None else context - question.prompt_tokens
        return free if question.max_tokens is None else min(free, question.max_tokens)


def _end(close: bool) -> End:
    return "close" if close else "keep"


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": wire.CREATED, "owned_by": "catena"}
