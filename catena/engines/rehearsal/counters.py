"""The counters of `/stats` and the request log."""

import sys
import time
from collections import Counter
from typing import Any

from catena.engines.rehearsal.files import RequestLog
from catena.engines.rehearsal.question import Question
from catena.engines.rehearsal.settings import RehearsalSettings


class Counters:
    """What has happened so far; `attempts` says how often each request came.

    Raises:
        RunFolderError: The log cannot be written.
    """

    def __init__(self, settings: RehearsalSettings) -> None:
        self.log = None if settings.log is None else RequestLog(settings.log)
        self.attempts: dict[bytes, int] = {}
        self.requests = self.in_flight = self.connections = self.open_connections = 0
        self.prompt_tokens = self.completion_tokens = 0
        self._path = settings.log
        self._max_in_flight = self._again = 0
        self._faults: Counter[str] = Counter()
        self._purposes: Counter[str] = Counter()
        self._models: Counter[str] = Counter()

    def attempt(self, question: Question) -> int:
        """Which attempt at this very request it is, from 1."""
        number = self.attempts.get(question.body, 0) + 1
        self.attempts[question.body] = number
        self._again += number > 1
        return number

    def read(self, question: Question | None, attempt: int, fault: str) -> None:
        """A request has been read; `question` is None where it was not understood."""
        self._faults[fault] += 1
        if question is not None:
            self._purposes[question.kind] += 1
            self._models[question.model] += 1
        if self.log is not None:
            self.log.add(question, attempt, fault, self.in_flight + 1)

    def enter(self) -> None:
        """A request is in flight."""
        self.in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self.in_flight)

    def leave(self) -> None:
        """A request was answered, or its client is gone."""
        self.in_flight -= 1

    def as_json(self) -> dict[str, Any]:
        """All counters; `cpu_s` is the processor time of the thread that asks, which must be the server's."""
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "max_in_flight": self._max_in_flight,
            "again": self._again,
            "distinct": len(self.attempts),
            "faults": dict(self._faults),
            "purposes": dict(self._purposes),
            "models": dict(self._models),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "connections": self.connections,
            "open_connections": self.open_connections,
            "cpu_s": time.thread_time(),
        }

    def flush(self) -> None:
        """Writes the kept lines of the log; where they cannot be written the log ends, and says so."""
        if self.log is not None:
            try:
                self.log.flush()
            except OSError as error:
                print(f"catena rehearse: {self._path}: {error.strerror}; the log ends here", file=sys.stderr)
                self.log.close()
                self.log = None

    def close(self) -> None:
        """Flushes and closes the log; safe to call twice."""
        self.flush()
        if self.log is not None:
            self.log.close()
