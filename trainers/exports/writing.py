"""An export as a folder: rows, reward, read-me and a manifest with the hash of each file; whole or not there at all.

The bytes of the files follow from the rows, the target and pyarrow's version alone.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from catena.errors import RunFolderError, UserError
from catena.trainers.canonical import Row
from catena.trainers.exports.layout import Layout, Target, Use

MANIFEST = "manifest.json"
_BATCH = 2048
_CHUNK = 1 << 22
_SHARED_README = """
Rows: {listing}.
What every file holds and its hash is in `manifest.json`. {needs}
"""
_NEEDS = (
    "The reward is `catena.answers`, the checker that the data was made with: install Catena beside the trainer"
    " (`pip install --no-deps catena`, then `pip install orjson sympy`; its other dependencies are not needed for this)."
)


def write_export(
    out: Path, target: Target, use: Use, parts: Mapping[str, Iterable[Row]], facts: Mapping[str, object]
) -> dict[str, Any]:
    """Writes the folder `out` and returns its manifest.

    Args:
        out: Where; its parent is made.
        target: For whom.
        use: Which of its layouts.
        parts: Canonical rows by the name of their split; each is gone through once. A part without rows gives no file.
        facts: Goes into the manifest.

    Raises:
        UserError: `out` holds something else, or there is not one row.
        RunFolderError: It cannot be written.
    """
    temporary = out.with_name(f".{out.name}.{uuid4().hex[:8]}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for leftover in out.parent.glob(f".{out.name}.????????.tmp"):
            shutil.rmtree(leftover, ignore_errors=True)
        temporary.mkdir()
        manifest = _fill(temporary, target, use, parts, facts)
        _put(temporary, out, manifest)
    except OSError as error:
        raise RunFolderError(
            f"{out}: cannot be written ({error.strerror or error}); free or choose another folder"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def read_export(out: Path) -> dict[str, Any] | None:
    """The manifest of an export, None where `out` holds none."""
    try:
        found = orjson.loads((out / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "files" in found else None


def _fill(
    folder: Path, target: Target, use: Use, parts: Mapping[str, Iterable[Row]], facts: Mapping[str, object]
) -> dict[str, Any]:
    layout = target.rl if use == "rl" else target.sft
    rows = {name: _write_rows(folder / f"{name}.parquet", layout, part) for name, part in parts.items()}
    rows = {name: count for name, count in rows.items() if count}
    if not rows:
        raise UserError("there is not one row to export")
    texts = files("catena.trainers.exports") / "files"
    for name, source in (target.files if use == "rl" else {}).items():
        (folder / name).write_text((texts / source).read_text(encoding="utf-8"), encoding="utf-8")
    listing = ", ".join(f"`{name}.parquet` ({count:,})" for name, count in rows.items())
    said = (texts / f"{target.name}.md").read_text(encoding="utf-8").replace("{version}", target.version)
    shared = _SHARED_README.format(listing=listing, needs=_NEEDS if use == "rl" else "")
    (folder / "README.md").write_text(said + shared, encoding="utf-8")
    listed = {path.name: {"bytes": path.stat().st_size, "blake2b": _digest(path)} for path in sorted(folder.iterdir())}
    manifest = {
        "target": target.name,
        "checked_against": target.version,
        "use": use,
        **facts,
        "rows": rows,
        "columns": layout.schema.names,
        "files": listed,
    }
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return manifest


def _write_rows(path: Path, layout: Layout, rows: Iterable[Row]) -> int:
    numbered = enumerate(rows)
    count = 0
    with pq.ParquetWriter(
        path, layout.schema, compression="zstd", compression_level=1, write_statistics=False
    ) as writer:
        while part := [layout.row(row, number) for number, row in islice(numbered, _BATCH)]:
            writer.write_table(pa.Table.from_pylist(part, schema=layout.schema))
            count += len(part)
    if not count:
        path.unlink()
    return count


def _put(temporary: Path, out: Path, manifest: Mapping[str, Any]) -> None:
    """Durable first, then visible; the same export again leaves the folder as it is."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if out.is_dir() and _same(out, manifest):
            return
        raise UserError(f"{out}: holds something else than this export; choose another folder or delete it")
    for path in temporary.iterdir():
        _sync(path)
    _sync(temporary)
    os.replace(temporary, out)
    _sync(out.parent)


def _same(out: Path, manifest: Mapping[str, Any]) -> bool:
    listed: Mapping[str, Mapping[str, Any]] = manifest["files"]
    return read_export(out) == manifest and all(
        (out / name).is_file() and _digest(out / name) == facts["blake2b"] for name, facts in listed.items()
    )


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
