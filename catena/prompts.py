"""Prompts: text files rendered by a sandboxed template engine, each named by a hash of its text.

What a model or a data set wrote enters another prompt inside a fence whose mark it cannot know.
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from catena.errors import RecipeError
from catena.invisible import spelled_out

_CONTROL_TOKEN = re.compile(
    r"<(?=[|｜][^<>|｜\n]{1,60}[|｜]>|/?(?:s|start_of_turn|end_of_turn|bos|eos|pad)>)"
    r"|\[(?=/?INST\]|/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS)\])|<(?=<SYS>>|</SYS>>)"
)
_MARK_LIKE = re.compile(r"\[(?=\s*(?:begin|end)\s+[0-9a-f]{6,64}\s*\])", re.IGNORECASE)
_LONGEST_NAME = 200
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


class Prompt:
    """A prompt template and the hash of its text."""

    def __init__(self, text: str, *, name: str = "prompt") -> None:
        self.name = name
        self.text = text.strip()
        self.version = blake2b(self.text.encode(), digest_size=6).hexdigest()
        try:
            self._template: Template = _ENVIRONMENT.from_string(self.text)
        except TemplateError as error:
            raise RecipeError(f"prompt {name!r}: not a template ({error}); mend it") from error

    @staticmethod
    def shipped(module: str, name: str) -> "Prompt":
        """The prompt `prompts/<name>.txt` beside the module whose `__file__` is given."""
        return _shipped(str(Path(module).parent / "prompts" / f"{name}.txt"), name)

    def render(self, values: Mapping[str, object]) -> str:
        """The prompt with `values` filled in; names in lists (topics, concepts) stand on one line each, at most 200 characters.

        The filter `fenced` fences a text, with the value `seed` where there is one.

        Raises:
            RecipeError: It uses a name that is not among them, or does what the sandbox forbids.
        """
        try:
            return self._template.render({name: _names_on_one_line(value) for name, value in values.items()})
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            known = ", ".join(sorted(values))
            raise RecipeError(f"prompt {self.name!r}: {error}; known here: {known}") from error


@cache
def _shipped(path: str, name: str) -> Prompt:
    return Prompt(Path(path).read_text(encoding="utf-8"), name=name)


class Fenced(str):
    """A text that is fenced already; it is not fenced again."""

    __slots__ = ()


def fence(text: str, seed: int = 0) -> Fenced:
    """`text` between two marks that no writer of a text can put into it: 128 bits of a keyed hash of the text and the run's seed.

    What could leave the fence in other ways is defused, visibly: characters that cannot be seen are spelled out; what a server
    may take for control tokens of a chat template (`<|im_end|>`, `[/INST]`) and what looks like a mark get a space after
    their first character.
    """
    key = blake2b(f"fence/{seed}".encode(), digest_size=32).digest()
    mark = blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()
    return Fenced(f"[begin {mark}]\n{defused(text)}\n[end {mark}]")


def defused(text: str) -> str:
    """`text` as it stands in a fence; ordinary text is left as it is."""
    return _MARK_LIKE.sub("[ ", _CONTROL_TOKEN.sub(lambda token: token[0] + " ", spelled_out(text)))


@pass_context
def _fenced(context: Context, text: object) -> Fenced:
    seed = context.get("seed", 0)
    return text if isinstance(text, Fenced) else fence(str(text), seed if isinstance(seed, int) else 0)


_ENVIRONMENT.filters["fenced"] = _fenced


def _names_on_one_line(value: object) -> object:
    """Lists of names as they may stand outside of a fence; everything else as it is."""
    if isinstance(value, Mapping):
        return {key: _names_on_one_line(inner) for key, inner in value.items()}
    if not isinstance(value, list | tuple):
        return value
    return [_one_line(item) if isinstance(item, str) else _names_on_one_line(item) for item in value]


def _one_line(name: str) -> str:
    line = " ".join(defused(name).split())
    return line if len(line) <= _LONGEST_NAME else f"{line[:_LONGEST_NAME]}..."
