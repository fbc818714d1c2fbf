"""The rows of any data set: a file, the hub, or generated items."""

from collections.abc import Iterator

from catena.generators import dataset_rows, reasoning_gym


def read_rows(source: str, split: str = "train", config: str | None = None) -> Iterator[tuple[int, object]]:
    """The rows of a source, with their numbers from 1.

    `source` is what `catena.generators.dataset_rows.read_rows` takes, or the address of generated items, which begins with
    `catena.generators.reasoning_gym.SCHEME`.

    Raises:
        DatasetError: The source is missing or cannot be read, or a line is not JSON.
    """
    if source.startswith(reasoning_gym.SCHEME):
        return reasoning_gym.rows(reasoning_gym.GymSource.of(source))
    return dataset_rows.read_rows(source, split, config)
