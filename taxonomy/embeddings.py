"""Sentence embeddings of names, from `catena.sentence_embeddings`.

The scores of `catena.taxonomy.deciding` are calibrated for the packaged model.
"""

from catena.sentence_embeddings import (
    SIMILARITY_DIGITS,
    Embedder,
    RememberingEmbedder,
    SentenceEmbedder,
    Vectors,
    default_embedder,
    packaged_model,
)

__all__ = [
    "SIMILARITY_DIGITS", "Embedder", "RememberingEmbedder", "SentenceEmbedder", "Vectors", "default_embedder",
    "packaged_model",
]  # fmt: skip
