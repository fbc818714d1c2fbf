"""What the trials share: questions of a JSONL file, embeddings that are made once, and the labelled pairs."""

import json
from hashlib import blake2b
from pathlib import Path

import numpy as np

from catena.sentence_embeddings import STATEMENT_TOKENS, SentenceEmbedder, Vectors
from catena.validators.planted_leaks import Leak, leaks

Half = str


def questions(path: Path) -> list[str]:
    """The column `question` of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["question"] for line in lines]


def answers(path: Path) -> list[str]:
    """The column `answer` of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["answer"] for line in lines]


def labelled(half: Half) -> list[Leak]:
    """The labelled pairs of a half: `tune` or `report`."""
    return [leak for leak in leaks() if leak.half == half]


class KeptEmbedder:
    """Embeds each text once and keeps the vectors in a folder, so that a trial is repeated in seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._model = folder, None
        self.known: dict[str, Vectors] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.glob("*.npz")):
            with np.load(file) as data:
                self.known.update(zip(data["keys"].tolist(), data["vectors"], strict=True))

    def embed(self, texts: list[str]) -> Vectors:
        """Unit vectors [num_texts, num_dimensions] in the order of `texts`."""
        keys = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self.known}
        if missing:
            model = SentenceEmbedder(longest=STATEMENT_TOKENS, batch_size=64)
            vectors = model.embed(list(missing.values()))
            self.known.update(zip(missing, vectors, strict=True))
            name = blake2b("".join(missing).encode(), digest_size=8).hexdigest()
            np.savez(self._folder / f"{name}.npz", keys=np.array(list(missing)), vectors=vectors)
        return np.stack([self.known[key] for key in keys]) if keys else np.zeros((0, 384), np.float32)
