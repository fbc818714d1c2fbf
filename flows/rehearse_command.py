"""`catena rehearse`: serve the OpenAI API on loopback, answering every prompt of a recipe with errors of known rate.

    catena rehearse                                        any model name is answered
    catena rehearse --settings recipe.toml --r429 0.05     as the recipe's [rehearsal] section says, and some 429s

Not here: the server (`catena.engines.rehearsal.server`) and what its settings mean (`catena.engines.rehearsal.settings`).
"""

import argparse
import json
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from catena.engines.rehearsal.settings import PROBLEM_FLAWS, Faults, RehearsalSettings, settings_from
from catena.errors import RecipeError

DEFAULT_PORT = 8090
_PLAIN = {
    "seed": (int, "N", "seed of every draw"),
    "latency_s": (float, "S", "seconds until an answer (the median where latency_sigma is set)"),
    "jitter": (float, "SHARE", "share by which the latency varies evenly to both sides"),
    "retry_after_s": (float, "S", "Retry-After of an injected 429"),
    "context": (int, "TOKENS", "refuse longer prompts, as vLLM and OpenAI do"),
    "limit_in_flight": (int, "N", "give a real 429 from so many requests in flight on"),
    "requests_per_second": (float, "RATE", "give a real 429 above this rate"),
    "down_after": (int, "N", "go down after so many requests"),
    "down_s": (float, "S", "come up again after so long"),
    "up_after": (int, "N", "come up again after turning away so many connections"),
    "key": (str, "env:NAME|file:PATH", "reference to the API key that requests must present"),
    "truth": (str, "FILE", "JSONL of problems with their answers, for the solvers"),
    "planted": (str, "FILE", "append the truth of every problem written to this JSONL file"),
    "log": (str, "FILE", "append every request to this JSONL file when it has been read"),
}  # fmt: skip
_OF_MODELS = {
    "solve": "mean probability of solving a problem",
    "accept_right": "how often a judge accepts a sound problem",
    "reject_wrong": "how often a judge rejects a flawed one",
    **{flaw: f"share of written problems that are {flaw.replace('_', '-')}" for flaw in PROBLEM_FLAWS},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena rehearse`."""
    parser.add_argument("--settings", metavar="FILE", help="TOML or JSON file, or a recipe with a [rehearsal] section")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 takes any free one (default {DEFAULT_PORT})")
    for name, (kind, metavar, text) in _PLAIN.items():
        parser.add_argument(_flag(name), dest=name, type=kind, metavar=metavar, help=text)
    parser.add_argument("--sticky", action="store_true", default=None, help="content faults hit every attempt alike")
    models = parser.add_argument_group("how every model behaves that the settings do not name")
    for name, text in _OF_MODELS.items():
        models.add_argument(_flag(name), dest=f"model.{name}", type=float, metavar="SHARE", help=text)
    faults = parser.add_argument_group("shares of requests that meet a fault")
    for part in fields(Faults):
        faults.add_argument(_flag(part.name), dest=f"faults.{part.name}", type=float, metavar="SHARE")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="rehearsal_overrides",
        help="any other setting: models.judge-a.accept_right=0.8",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        UserError: Settings that are none, a port that is taken, a host that is not loopback, a file that cannot be used.
    """
    from catena.engines.rehearsal.running import run_until_told

    settings = settings_of(options)
    names = f"the models {', '.join(settings.models)}" if settings.only_named else "every model name"
    requests = run_until_told(settings, options.host, options.port, lambda url: _ready(url, names))
    print(f"catena rehearse: stopped after {requests:,} requests", file=sys.stderr)
    return 0


def settings_of(options: argparse.Namespace) -> RehearsalSettings:
    """The settings of the file, changed by the flags and then by `--set`.

    Raises:
        RecipeError: The file cannot be read, or a setting is unknown or impossible.
    """
    place = options.settings or "rehearsal"
    mapping = _file(options.settings) if options.settings else {}
    flags = vars(options)
    for name in (
        *_PLAIN,
        "sticky",
        *(f"model.{name}" for name in _OF_MODELS),
        *(f"faults.{part.name}" for part in fields(Faults)),
    ):
        if flags[name] is not None:
            _put(mapping, name.split("."), flags[name], _flag(name.rpartition(".")[2]))
    for text in options.rehearsal_overrides:
        name, equals, value = text.partition("=")
        if not equals:
            raise RecipeError(f"--set {text}: write it as NAME=VALUE, e.g. --set models.judge-a.accept_right=0.8")
        _put(mapping, _path(name), _value(value), f"--set {name}")
    return settings_from(mapping, place=place)


def _ready(url: str, names: str) -> None:
    print(
        f'{url} answers for {names}; put it into a recipe (urls = ["{url}"]), look at'
        f" {url.removesuffix('/v1')}/stats, stop it with Ctrl-C",
        flush=True,
    )


def _flag(name: str) -> str:
    return f"--{name.removesuffix('_s').replace('_', '-')}"


def _file(path: str) -> dict[str, Any]:
    """The mapping in a file; the `rehearsal` table of a recipe."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error}); give a TOML or JSON file") from error
    except ValueError as error:
        raise RecipeError(f"{path}: neither valid TOML nor JSON ({error}); mend that line") from error
    if isinstance(data, dict) and "rehearsal" in data:
        data = data["rehearsal"]
    elif isinstance(data, dict) and "name" in data:
        raise RecipeError(f"{path}: this recipe has no [rehearsal] section; add one, or leave --settings out")
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: expected a table of settings, got {data!r}")
    return data


def _path(name: str) -> list[str]:
    """`models.<name>.<setting>` keeps the dots of a model's name."""
    first, *rest = name.split(".")
    return [first, ".".join(rest[:-1]), rest[-1]] if first == "models" and len(rest) > 1 else [first, *rest]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(mapping: dict[str, Any], path: list[str], value: Any, flag: str) -> None:
    *parents, last = path
    place: Any = mapping
    for part in parents:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise RecipeError(f"{flag}: '{part}' is no table of settings; name it as in the file, e.g. faults.r429")
    place[last] = value
