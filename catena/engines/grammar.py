"""A JSON schema as a mask over the next token, by llguidance where it is installed.

Without it a schema is asked for by the prompt alone, and whoever parses the text decides.
"""

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson
import torch

from catena.engines.base import JsonSchema

_INSTALLED = find_spec("llguidance") is not None
# Bounded: an unbounded one lets a weak model write spaces until its tokens are used up.
_WHITESPACE = r"[ \t\n]{0,20}"


class Grammar:
    """What one text must satisfy, and how far it has come."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def mask(self, logits: torch.Tensor) -> None:
        """Sets the logits `[vocab]` of all tokens that cannot come next to -inf."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.zeros(len(logits), dtype=bool)
        known = np.unpackbits(bits, bitorder="little")[: len(logits)]
        allowed[: len(known)] = known
        logits[torch.from_numpy(~allowed).to(logits.device)] = -torch.inf

    def finished_by(self, token: int) -> bool:
        """Goes on by the token that was drawn; whether nothing can come after it.

        Raises:
            ValueError: The grammar has become too large, or the token was not allowed.
        """
        self._matcher.consume_token(token)
        if self._matcher.is_error():
            raise ValueError(f"the schema's grammar gave up: {self._matcher.get_error()}")
        return bool(self._matcher.is_stopped())


class Grammars:
    """Makes grammars for one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: Any = None
        self.libraries = (f"llguidance {version('llguidance')}",) if _INSTALLED else ()

    def of(self, schema: JsonSchema | None) -> Grammar | None:
        """The grammar of `schema`; None without one, or without llguidance.

        Raises:
            ValueError: No grammar can be made of it.
        """
        if schema is None or not _INSTALLED:
            return None
        if self._known is None:
            self._known = import_module("llguidance.hf").from_tokenizer(self._tokenizer)  # takes a second
        matchers: Any = import_module("llguidance").LLMatcher
        text = orjson.dumps(schema.schema).decode()
        text = matchers.grammar_from_json_schema(text, {"whitespace_pattern": _WHITESPACE})
        matcher = matchers(self._known, text, log_level=0)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return Grammar(matcher)
