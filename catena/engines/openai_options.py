"""What a recipe says about a model behind the `openai` engine: checked, with keys resolved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from catena.discovery import is_source
from catena.engines.models import ModelSpec
from catena.errors import UserError
from catena.secrets import SCHEMES, Secret, resolve

Structured = Literal["json_schema", "json_object", "guided_json", "structured_outputs", "none"]
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SECRET_HEADER = re.compile(r"authorization|api-?key|token|secret|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Options:
    """`options` of a model with the `openai` engine.

    Attributes:
        headers: Further headers; a value `env:NAME` or `file:PATH` refers to a secret.
        max_tokens_field: What the server calls the bound (`max_tokens`, `max_completion_tokens`).
        send_seed: Whether the seed is sent, where the run has one.
        structured: How the server is told of a JSON schema; `guided_json` (old) and `structured_outputs` are vLLM's.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    max_tokens_field: str = "max_tokens"
    send_seed: bool = True
    structured: Structured = "json_schema"


def read_options(spec: ModelSpec) -> Options:
    """The options of `spec`.

    Raises:
        UserError: An option is unknown or has an impossible value.
    """
    known = [each.name for each in fields(Options)]
    if unknown := [name for name in spec.options if name not in known]:
        raise UserError(
            f"model {spec.name}: option {unknown[0]!r} is unknown; the openai engine knows {', '.join(known)}"
        )
    options = Options(**spec.options)
    _check_headers(spec.name, options.headers)
    if spec.key is not None and any(name.lower() == "authorization" for name in options.headers):
        raise UserError(f"model {spec.name}: both key and the header Authorization are given; keep one of them")
    if not isinstance(options.max_tokens_field, str) or not options.max_tokens_field:
        raise UserError(
            f"model {spec.name}: max_tokens_field is {options.max_tokens_field!r}; a field's name is expected"
        )
    if not isinstance(options.send_seed, bool):
        raise UserError(f"model {spec.name}: send_seed is {options.send_seed!r}; true or false is expected")
    if options.structured not in get_args(Structured):
        expected = ", ".join(get_args(Structured))
        raise UserError(f"model {spec.name}: structured is {options.structured!r}; one of {expected} is expected")
    return options


def check(spec: ModelSpec) -> None:
    """Refuses numbers and URLs that no server could be asked with.

    Raises:
        UserError: One of them is impossible.
    """
    if min(spec.concurrency, spec.tries) < 1 or spec.timeout_s <= 0 or spec.patience_s < 0:
        raise UserError(
            f"model {spec.name}: concurrency {spec.concurrency}, tries {spec.tries}, timeout_s {spec.timeout_s:g}, "
            f"patience_s {spec.patience_s:g}; at least 1, at least 1, more than 0 and at least 0 are expected"
        )
    if not spec.urls:
        raise UserError(f"model {spec.name}: urls is missing, e.g. urls = ['http://127.0.0.1:8000/v1']")
    for url in spec.urls:
        if not is_source(url):
            _check_url(spec.name, url)


def place(url: str, path: str) -> str:
    """`path` below a base URL, whose query (`?api-version=...`) stays."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", parts.query, ""))


def headers_of(spec: ModelSpec, options: Options) -> tuple[dict[str, str], tuple[Secret, ...]]:
    """The headers of every request, and the secrets that are in them.

    Raises:
        UserError: A reference leads nowhere.
    """
    secrets: list[Secret] = []
    headers: dict[str, str] = {}
    for name, value in options.headers.items():
        if value.startswith(SCHEMES):
            secrets.append(resolve(value))
            headers[name] = secrets[-1].reveal()
        else:
            headers[name] = value
    if spec.key is not None:
        secrets.append(resolve(spec.key))
        headers["Authorization"] = f"Bearer {secrets[-1].reveal()}"
    return headers, tuple(secrets)


def _check_headers(model: str, headers: object) -> None:
    if not isinstance(headers, Mapping):
        raise UserError(
            f"model {model}: headers is a {type(headers).__name__}; a table of names and values is expected"
        )
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(str(name)) or not isinstance(value, str) or not value.isprintable():
            raise UserError(f"model {model}: header {name!r} cannot be sent; one line of text is expected")
        if not value.isascii():
            raise UserError(f"model {model}: header {name!r} holds other characters than ASCII; write it in ASCII")
        if _SECRET_HEADER.search(name) and not value.startswith(SCHEMES):
            raise UserError(
                f"model {model}: header {name!r} looks like it holds a key (not shown), and recipes are kept beside the "
                "data; write 'env:NAME' or 'file:PATH'"
            )


def _check_url(model: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound, parts = False, urlsplit("")
    if "@" in url:
        raise UserError(
            f"model {model}: a URL holds a user name or password (not shown); give a key by reference, as key"
        )
    if not sound or parts.fragment:
        raise UserError(f"model {model}: {url!r} is no base URL; write it like http://127.0.0.1:8000/v1")
