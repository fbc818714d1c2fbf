"""What every contestant does: so many rows, each asked for at `generate` and then judged. Read from `recipe.toml`."""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PIPELINE: dict[str, Any] = tomllib.loads((HERE / "recipe.toml").read_text(encoding="utf-8"))["pipeline"][0]
TOPICS: list[list[str]] = PIPELINE["topics"]
GENERATE, JUDGE = (step["prompt"].strip() for step in PIPELINE["steps"])
GENERATE_SCHEMA, JUDGE_SCHEMA = (step["schema"] for step in PIPELINE["steps"])


def rows(count: int) -> Iterator[tuple[int, list[str]]]:
    """Number and topic of each row, topics in turn, as `catena run` takes them."""
    for place in range(count):
        number, topic = divmod(place, len(TOPICS))
        yield number, TOPICS[topic]


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every contestant takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--url", default="http://127.0.0.1:22300/v1")
    parser.add_argument("--out", type=Path, required=True, help="folder of what is kept between runs and of the rows")
    parser.add_argument("--timeout-s", type=float, default=60.0, help="from sending a request to its last byte")
    parser.add_argument("--shard-rows", type=int, default=2_500)
    return parser
