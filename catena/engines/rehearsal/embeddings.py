"""Embedding a text: counts of its letter trigrams, hashed into a short unit vector; texts that share words lie close."""

from hashlib import blake2b
from math import sqrt
from typing import Any

import orjson

from catena.engines.rehearsal.question import Refused

DIMENSIONS = 64
LONGEST = 100_000


def embeddings(body: bytes) -> tuple[dict[str, Any], int]:
    """The answer to a request for embeddings, and the tokens that it counts.

    Raises:
        Refused: It is no such request.
    """
    try:
        data = orjson.loads(body)
    except ValueError as error:
        raise Refused(400, f"We could not parse the JSON body of your request ({error}).") from None
    model = data.get("model") if isinstance(data, dict) else None
    given = data.get("input") if isinstance(data, dict) else None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(model, str) or not model:
        raise Refused(400, "You must provide a model parameter.", param="model")
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
        raise Refused(400, "'input' must be a text or a list of texts, none of them empty.", param="input")
    tokens = sum(len(one) // 4 + 1 for one in texts)
    rows = [
        {"object": "embedding", "index": index, "embedding": vector(one[:LONGEST])} for index, one in enumerate(texts)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": model, "data": rows, "usage": usage}, tokens


def vector(text: str) -> list[float]:
    """A unit vector [64] of a text, the same on every machine."""
    padded = f"  {text.casefold()} "
    counts = [0.0] * DIMENSIONS
    for at in range(len(padded) - 2):
        drawn = int.from_bytes(
            blake2b(padded[at : at + 3].encode("utf-8", "surrogatepass"), digest_size=2).digest(), "big"
        )
        counts[drawn % DIMENSIONS] += 1.0 if drawn & 0x8000 else -1.0
    length = sqrt(sum(one * one for one in counts)) or 1.0
    return [round(one / length, 6) for one in counts] if any(counts) else [1.0] + [0.0] * (DIMENSIONS - 1)
