"""Vectors of names from an embedding model of the recipe, asked for through the ledger like any other completion.

Candidates for near duplicates come from them; whether a pair is one topic is decided by a judge or by the offline rule,
which is calibrated for its own packaged model.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catena.asking import Asked, Model
from catena.engines.base import Completion
from catena.engines.openai_embeddings import vector_of
from catena.errors import EngineError
from catena.records import Turn
from catena.replies import MalformedReply
from catena.taxonomy.embeddings import RememberingEmbedder, Vectors


@dataclass(frozen=True, slots=True)
class KnownVectors:
    """Vectors that are there already, by text."""

    vectors: Mapping[str, Vectors]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [num_texts, num_dimensions] in the order of `texts`.

        Raises:
            KeyError: A text was not asked about.
        """
        return np.stack([self.vectors[text] for text in texts])


async def ask_vectors(model: Model, texts: Sequence[str]) -> RememberingEmbedder:
    """The vectors of `texts`, which is all that the embedder knows.

    Raises:
        EngineError: The model gave no usable vector for a text, or vectors of several lengths.
        RunStopped: The run stops.
    """
    wanted = sorted(set(texts))
    found = dict(zip(wanted, await asyncio.gather(*(_ask(model, text) for text in wanted)), strict=True))
    lengths = {len(vector) for vector in found.values()}
    if len(lengths) > 1:
        detail = f"vectors of {min(lengths)} and of {max(lengths)} numbers; expected one length"
        raise EngineError("malformed", detail, model=model.spec.model, tries=1)
    return RememberingEmbedder(KnownVectors(found))


async def _ask(model: Model, text: str) -> Vectors:
    asked: Asked[Vectors] = await model.ask((Turn("user", text),), _unit, purpose="grow/embed", row_id=text)
    return asked.value


def _unit(completion: Completion) -> Vectors:
    try:
        vector = np.array(vector_of(completion.text), dtype=np.float64)
    except ValueError as error:
        raise MalformedReply(f"the answer is no vector ({error})") from error
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise MalformedReply("a vector of length zero, or none that is finite")
    return (vector / length).astype(np.float32)
