"""A coverage as lines for a terminal. Nothing is measured here (`coverage`)."""

from collections.abc import Iterator, Sequence

from catena.taxonomy.coverage import Coverage
from catena.taxonomy.listing import printable
from catena.taxonomy.tree import Path


def report(found: Coverage, most: int = 20) -> Iterator[str]:
    """`found` as lines for a terminal; of every list the `most` that matter."""
    for level in found.levels:
        parts = [f"level {level.depth}: {level.topics:,} topics, {level.rows:,} rows"]
        if level.row_evenness is not None:
            parts.append(f"rows {level.row_entropy:.2f} bits, evenness {level.row_evenness:.2f}")
        yield "; ".join([*parts, f"leaves {level.leaf_entropy:.2f} bits, evenness {level.leaf_evenness:.2f}"])
    for subject in found.subjects:
        share = "" if subject.share is None else f" of {subject.quota:,}, {_percent(subject.share)} of the quota met"
        yield f"{_named(subject.path)}: {subject.rows:,} rows{share}"
    yield from _listed("leaves without rows", [_named(path) for path in found.empty], most)
    yield from _listed(
        "rows outside the tree", [f"{_named(path)}: {rows:,} rows" for path, rows in found.unplaced.items()], most
    )
    if found.neighbours is not None:
        near = found.neighbours
        pairs = [f"{distance:.3f}  {_named(a)}  |  {_named(b)}" for distance, a, b in near.closest]
        yield f"distance of a leaf to the nearest other: least {near.least:.3f}, median {near.median:.3f}"
        yield "closest pairs:"
        yield from (f"  {pair}" for pair in pairs[:most])
    if found.reference_share is not None:
        yield f"reference: {_percent(found.reference_share)} of {len(found.reference):,} classes have a leaf near them"
        classes = [f"{_named(one.path)}  (nearest {_named(one.nearest)}, {one.cosine:.2f})" for one in found.missing]
        yield from _listed("classes without a leaf near them", classes, most)


def _listed(title: str, lines: Sequence[str], most: int) -> Iterator[str]:
    if lines:
        yield f"{title}: {len(lines):,}"
        yield from (f"  {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"  ... and {len(lines) - most:,} more"


def _named(path: Path) -> str:
    return printable(" / ".join(path), 600)


def _percent(share: float) -> str:
    """A share in percent; rounding never makes 0 or 100 % of what is not."""
    return f"{min(max(100 * share, 0.1 if share else 0.0), 99.9 if share < 1 else 100.0):.1f} %"
