"""OpenAI's embeddings: a request whose last message is a text to embed, a completion whose text is the vector.

The vector travels and is kept as the base64 of its little-endian 32-bit floats, so that the ledger holds it as any other
answer. One text a request: servers batch what is in flight, and each text is kept by itself.
"""

import base64
import math
from array import array

import orjson

from catena.engines.base import Completion, Request, Usage
from catena.engines.openai_body import MalformedAnswer
from catena.engines.openai_options import Options

MOST_DIMENSIONS = 65_536


def embedding_body(request: Request, options: Options) -> bytes:
    """The JSON body that asks for the vector of the last message."""
    body = {"model": request.model, "input": request.messages[-1].content, "encoding_format": "float"}
    return orjson.dumps(body | dict(request.sampling.extra))


def read_embedding(answer: object, latency_s: float) -> Completion:
    """The vector that a decoded answer holds, as the text of a completion.

    Raises:
        MalformedAnswer: There is no vector of finite numbers at `data[0].embedding`.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    first = data[0] if isinstance(data, list) and len(data) == 1 and isinstance(data[0], dict) else {}
    vector = first.get("embedding")
    if not isinstance(vector, list) or not 0 < len(vector) <= MOST_DIMENSIONS:
        raise MalformedAnswer("the answer has no data[0].embedding that is a list of numbers")
    if not all(type(one) in (int, float) and math.isfinite(one) for one in vector):
        raise MalformedAnswer("data[0].embedding holds something that is no finite number")
    assert isinstance(answer, dict)
    usage = answer.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else 0
    known = tokens if type(tokens) is int and 0 <= tokens <= 10**9 else 0
    revision = answer.get("model") if isinstance(answer.get("model"), str) else ""
    return Completion(vector_text(vector), None, "stop", Usage(known), str(revision), latency_s)


def vector_text(vector: list[float]) -> str:
    """A vector as text."""
    values = array("f", vector)
    return base64.b64encode(values.tobytes()).decode()


def vector_of(text: str) -> list[float]:
    """The vector that `vector_text` wrote.

    Raises:
        ValueError: It is none.
    """
    values = array("f")
    values.frombytes(base64.b64decode(text, validate=True))
    return list(values)
