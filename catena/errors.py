"""What can go wrong, named after the boundary that was crossed.

CatenaError
├── UserError               wrong input: one sentence that names the place and the remedy, exit code 2
│   ├── RecipeError         a recipe that cannot be run
│   ├── DatasetError        an input data set that cannot be read
│   ├── ShardError          a shard or manifest that is damaged or of another version
│   ├── LedgerError         a ledger that is damaged, of another version, or on a file system that loses writes
│   └── RunFolderError      a run folder that cannot be written, or belongs to another recipe
├── EngineError             a request to a model that came to nothing, with its cause
├── RunStopped              a run that stopped itself in good order: budget reached, too many errors
│   ├── ServerUnreachable   no server of a model could be reached for as long as the recipe is patient
│   └── KeyRefused          a server wants another key than the one the recipe refers to
└── TrainingError           training went on, but what it produces can no longer be trusted

A bad *record* is never an exception: it goes to the rejected shard with its reason.
"""

from typing import Literal, get_args

Cause = Literal[
    "truncated",
    "refused",
    "malformed",
    "rate_limited",
    "overloaded",
    "timeout",
    "connection",
    "context_overflow",
    "content_filter",
    "invalid_request",
]
"""Why a request came to nothing."""

CAUSES: tuple[Cause, ...] = get_args(Cause)
RETRYABLE: frozenset[Cause] = frozenset(
    {"truncated", "refused", "malformed", "rate_limited", "overloaded", "timeout", "connection"}
)
"""Causes that may be gone when the same is asked again; the others need another request."""


class CatenaError(Exception):
    """Base of every error that Catena raises on purpose."""


class UserError(CatenaError, ValueError):
    """Wrong input by the user; the message is complete and needs no traceback."""


class RecipeError(UserError):
    """A recipe has an unknown key, an impossible value or a missing file."""


class DatasetError(UserError):
    """An input data set is missing or a line of it is not what its format says."""


class ShardError(UserError):
    """A shard or manifest is truncated, altered, or of another schema version."""


class LedgerError(UserError):
    """A ledger is damaged, of another version, or on a file system where it would lose writes."""


class RunFolderError(UserError):
    """The run folder cannot be written or holds another recipe's run."""


class EngineError(CatenaError):
    """A request came to nothing.

    Attributes:
        cause: Why.
        retryable: Whether asking the same again may help.
        model: The model's id.
        status: HTTP status of the last answer, None where there was none.
        tries: How often it was sent.
        response: The start of the last answer, for the dead-letter shard; untrusted.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        model: str = "",
        status: int | None = None,
        tries: int = 1,
        response: str = "",
    ) -> None:
        super().__init__(f"{model}: {cause} after {tries} {'try' if tries == 1 else 'tries'}: {detail}")
        self.cause = cause
        self.detail = detail
        self.model = model
        self.status = status
        self.tries = tries
        self.response = response

    def __reduce__(self) -> tuple[object, ...]:
        return _engine_error, (self.cause, self.detail, self.model, self.status, self.tries, self.response)

    @property
    def retryable(self) -> bool:
        """Whether asking the same again may help."""
        return self.cause in RETRYABLE


def _engine_error(cause: Cause, detail: str, model: str, status: int | None, tries: int, response: str) -> EngineError:
    """An `EngineError` that has travelled between processes."""
    return EngineError(cause, detail, model=model, status=status, tries=tries, response=response)


class RunStopped(CatenaError):
    """The run stopped itself in good order; what was paid for is durable, the same command goes on."""


class ServerUnreachable(RunStopped):
    """No server of a model could be reached for as long as the recipe is patient."""


class KeyRefused(RunStopped):
    """A server refused the key, or wants one where the recipe names none; the message never shows it."""


class TrainingError(CatenaError):
    """A stop condition of training was met (unscorable rewards, non-finite loss)."""
