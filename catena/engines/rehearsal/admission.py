"""Who is let in: the API key, known model names, prompts that fit, and rate limits of the real kind."""

import hmac
import os
import time
from pathlib import Path

from catena.engines.rehearsal import wire
from catena.engines.rehearsal.question import Question, Refused
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.errors import RecipeError


class Admission:
    """Refuses what a real endpoint refuses.

    Raises:
        RecipeError: The key's reference leads nowhere.
    """

    def __init__(self, settings: RehearsalSettings) -> None:
        self._settings = settings
        self._key = None if settings.key is None else _secret(settings.key)
        self._allowance, self._refilled = max(1.0, settings.requests_per_second or 1.0), time.monotonic()

    def check_key(self, authorization: bytes) -> None:
        """Refuses a request that does not present the key."""
        if self._key is not None and not hmac.compare_digest(authorization, b"Bearer " + self._key):
            raise Refused(401, "Incorrect API key provided.", code="invalid_api_key")

    def check_question(self, question: Question) -> None:
        """Refuses an unknown model and a prompt that leaves no room for an answer."""
        settings = self._settings
        if settings.only_named and question.model not in settings.models:
            text = f"The model `{question.model[:200]}` does not exist or you do not have access to it."
            raise Refused(404, text, param="model", code="model_not_found")
        if settings.context is not None and question.prompt_tokens >= settings.context:
            raise wire.too_long(question, settings)

    def limited(self, in_flight: int) -> tuple[str, float] | None:
        """Why one more request is too many now, and after how many seconds to ask again; None where it is not."""
        limit = self._settings.limit_in_flight
        if limit is not None and in_flight >= limit:
            return "Too many requests in flight.", self._settings.retry_after_s
        wait = self._wait()
        return None if wait is None else ("Rate limit reached for requests per second.", wait)

    def _wait(self) -> float | None:
        """Takes one request out of the rate's allowance; the seconds until there is one where it is spent."""
        rate = self._settings.requests_per_second
        if rate is None:
            return None
        now = time.monotonic()
        self._allowance = min(max(1.0, rate), self._allowance + rate * (now - self._refilled))
        self._refilled = now
        if self._allowance < 1:
            return (1 - self._allowance) / rate
        self._allowance -= 1
        return None


def _secret(reference: str) -> bytes:
    kind, _, place = reference.partition(":")
    try:
        secret = os.environ.get(place) if kind == "env" else Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"key: the file {place} cannot be read; put the key there or name another") from error
    if secret is None or not secret.strip():
        raise RecipeError(f"key: {reference} holds no key; set it, or leave the setting out")
    return secret.strip().encode()
