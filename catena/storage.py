"""A folder on any fsspec URL, with writes that are whole or absent.

Local: temporary name, fsync, rename, fsync of the folder. Object stores: one PUT, which is atomic there.
"""

import os
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from catena.errors import RunFolderError


class Store:
    """A folder named by a local path or an fsspec URL; paths inside it are relative, with `/`."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            # other processes write here too, so that a listing must not be remembered
            self._fs, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise RunFolderError(
                f"{url}: cannot be opened as a folder ({error}); use a path or an fsspec URL"
            ) from error

    @property
    def local(self) -> Path | None:
        """The folder as a local path; None where it is remote."""
        return Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def write(self, path: str, data: bytes) -> None:
        """Makes `data` the content of `path`; afterwards it is durable, before it is invisible.

        Raises:
            RunFolderError: The folder cannot be written (permissions, no space left).
        """
        target = self._path(path)
        try:
            if self.local is None:
                self._fs.pipe_file(target, data)
            else:
                _write_local(Path(target), data)
        except OSError as error:
            raise RunFolderError(
                f"{target}: cannot be written ({error.strerror or error}); free or choose another folder"
            ) from error

    def create(self, path: str, data: bytes) -> None:
        """As `write`, for a file that must not be there yet: of several who try at once, one succeeds.

        Raises:
            FileExistsError: It is there.
            OSError, NotImplementedError, ValueError: The store cannot do that.
        """
        self._fs.pipe_file(self._path(path), data, mode="create")

    def read(self, path: str) -> bytes:
        """The content of `path`.

        Raises:
            FileNotFoundError: There is no such file.
        """
        data: bytes = self._fs.cat_file(self._path(path))
        return data

    def exists(self, path: str) -> bool:
        """Whether `path` was written."""
        return bool(self._fs.exists(self._path(path)))

    def names(self, folder: str) -> list[str]:
        """Names of the files directly in `folder`, sorted; empty where there is no such folder."""
        try:
            found = self._fs.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(str(name).rstrip("/").rsplit("/", 1)[-1] for name in found)

    def full(self, path: str) -> str:
        """`path` as a person or another tool can open it."""
        return self._path(path) if self.local is not None else str(self._fs.unstrip_protocol(self._path(path)))

    def remove(self, path: str) -> None:
        """Deletes the file or folder `path`; nothing is done where there is none."""
        if self.exists(path):
            self._fs.rm(self._path(path), recursive=True)

    def sweep(self) -> None:
        """Deletes what killed writers left half-written; call it only while nobody else writes here."""
        if self.local is not None:
            for leftover in self.local.rglob(".*.tmp"):
                leftover.unlink(missing_ok=True)

    def upload(self, folder: Path, path: str) -> None:
        """Copies a local folder to `path`; nothing is done when it lies there already."""
        if self.local is None:
            self._fs.put(str(folder), self._path(path), recursive=True)

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _write_local(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
