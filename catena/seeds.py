"""One seed for a run, one independent stream for every draw.

A draw is named by what it is for, not by its position: `seed + index` would make record 1 of seed 42
equal to record 0 of seed 43, and `hash()` of a string changes with the process.
"""

from hashlib import blake2b
from random import Random


def seed_for(run_seed: int, *names: str | int) -> int:
    """A 64-bit seed for the draw called `names` of the run `run_seed`; the same on every machine."""
    text = "\x1f".join((str(run_seed), *map(str, names)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def stream_for(run_seed: int, *names: str | int) -> Random:
    """A random stream of its own for the draw called `names`."""
    return Random(seed_for(run_seed, *names))
