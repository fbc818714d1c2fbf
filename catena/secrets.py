"""API keys by reference: a recipe says where a key stands (`env:NAME`, `file:PATH`), and only memory ever holds it.

Not here: who sends a key where (`catena.engines.openai`).
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from catena.errors import UserError

SCHEMES = ("env:", "file:")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = 16_384
_SHORTEST_REDACTED = 6  # "EMPTY", "none", "x": placeholders for servers without keys, and words of ordinary text


class Secret:
    """A value that no print, log, pickle or JSON shows; `reveal` is the only way to it.

    A pickled secret is its reference: it is resolved anew where it is unpickled.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str) -> None:
        self.reference = reference
        self._value = value

    def reveal(self) -> str:
        """The value itself; for the one line that sends it."""
        return self._value

    def redact(self, text: str) -> str:
        """`text` with the value replaced by its reference, wherever a server echoed it."""
        return text.replace(self._value, f"[{self.reference}]") if len(self._value) >= _SHORTEST_REDACTED else text

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return resolve, (self.reference,)


def resolve(reference: str) -> Secret:
    """The secret that `reference` leads to, without surrounding white space.

    Raises:
        UserError: It is no reference, leads nowhere, or what stands there cannot be sent in an HTTP header.
    """
    scheme, _, place = reference.partition(":")
    if scheme == "env" and _NAME.fullmatch(place):
        return Secret(reference, _checked(reference, _from_environment(reference, place)))
    if scheme == "file" and place:
        return Secret(reference, _checked(reference, _from_file(reference, place)))
    raise UserError(
        "a key is named by a reference, 'env:NAME' for an environment variable or 'file:PATH' for a file, and what the "
        "recipe has is neither (it is not shown here, as it may be the key itself); write a reference"
    )


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """`text` without the values of `secrets`."""
    for secret in secrets:
        text = secret.redact(text)
    return text


def _from_environment(reference: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise UserError(f"{reference}: the environment has no variable {name}; export it, or name another one")
    return value


def _from_file(reference: str, place: str) -> str:
    try:
        with open(Path(place).expanduser(), encoding="utf-8") as file:
            return file.read(_LONGEST + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{reference}: cannot be read ({reason}); put the key there, or name another file") from None
    except ValueError:
        raise UserError(f"{reference}: is not a text file; it must hold the key and nothing else") from None


def _checked(reference: str, value: str) -> str:
    value = value.strip()
    if not value:
        raise UserError(f"{reference}: is empty; it must hold the key")
    if len(value) > _LONGEST or not value.isascii() or not value.isprintable():
        raise UserError(f"{reference}: does not hold a key (one line of printable ASCII is expected); correct it")
    return value
