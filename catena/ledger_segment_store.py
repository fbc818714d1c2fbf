"""The folder of a segment ledger: listing, reading with a bounded cache, and writing, whole or not at all."""

import re
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import fsspec
import pyarrow as pa

from catena.errors import LedgerError, RunFolderError
from catena.ledger_rows import Answer
from catena.ledger_segment_files import SUFFIX, Facts, Keys, read_index, read_table
from catena.storage import Store

CACHE_BYTES = 64 << 20
_PROBE = "writable"
_AT_ONCE = 16
_BLOCK = 256 << 10  # what is read at once beyond what was asked for, so that neighbouring columns are one request
_TRIES = 4


def shown(url: str) -> str:
    """A URL without the name and password that it may carry."""
    return re.sub(r"//[^/@]*@", "//", url)


class SegmentStore:
    """Segments by name in the folder `url`.

    Attributes:
        place: The folder as it may be shown; a password in the URL is left out.
    """

    def __init__(self, url: str, cache_bytes: int = CACHE_BYTES) -> None:
        self.place = shown(url).rstrip("/")
        try:
            self._store = Store(url)
        except RunFolderError as error:
            raise LedgerError(
                f"{self.place}: cannot be opened as a folder of segments ({_reason(error)}); use a path or an fsspec URL"
            ) from error
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, list[pa.Array]] = OrderedDict()
        self._cached, self._cache_bytes = 0, cache_bytes
        self._remote = self._store.local is None

    def names(self) -> set[str]:
        """The segments that are there.

        Raises:
            LedgerError: The folder cannot be read.
        """
        try:
            self._files.invalidate_cache()
            found = self._store.names("")
        except Exception as error:
            raise self._unreachable("", error) from error
        return {name for name in found if name.endswith(SUFFIX) and not name.startswith(".")}

    def probe(self) -> None:
        """Does nothing where the folder can be written to.

        Raises:
            LedgerError: It cannot.
        """
        self.write(_PROBE, bytes(4_096))
        with suppress(Exception):  # who may write may still not be allowed to delete
            self._store.remove(_PROBE)

    def write(self, name: str, data: bytes) -> None:
        """Makes a segment durable; on a remote store it is tried several times.

        Raises:
            LedgerError: It cannot be written.
        """
        for number in range(_TRIES):
            try:
                return self._store.write(name, data)
            except Exception as error:  # every kind of file system has errors of its own
                lasting = isinstance(_cause(error), PermissionError | FileNotFoundError)
                if number + 1 == _TRIES or lasting or not self._remote:
                    raise LedgerError(
                        f"{self.place}: the ledger cannot be written ({_reason(error)}); make room or access and run the same"
                        " command again, every completion kept before is safe"
                    ) from error
                time.sleep(2**number)

    def remove(self, name: str) -> None:
        """Deletes a segment.

        Raises:
            LedgerError: It is there and cannot be deleted.
        """
        try:
            self._store.remove(name)
        except Exception as error:
            raise LedgerError(
                f"{self.place}/{name}: cannot be deleted ({_reason(error)}); make the folder writable and run the same command"
                " again"
            ) from error

    def answer(self, name: str, row: int) -> Answer:
        """A row of a segment, whose answers are kept in memory for a while.

        Raises:
            FileNotFoundError: It vanished.
            LedgerError: It cannot be read.
        """
        with self._lock:
            columns = self._cache.get(name)
            if columns is not None:
                self._cache.move_to_end(name)
        if columns is None:
            with self._open(name) as file:
                columns = self.remember(name, read_table(f"{self.place}/{name}", file, Answer._fields))
        return Answer(*(column[row].as_py() for column in columns))

    def remember(self, name: str, table: pa.Table) -> list[pa.Array]:
        """Keeps the answers of a segment in memory until others need the room; returns them."""
        columns = [table[column].combine_chunks() for column in Answer._fields]
        with self._lock:
            if name not in self._cache:
                self._cached += _num_bytes(columns)
            self._cache[name] = columns
            while len(self._cache) > 1 and self._cached > self._cache_bytes:
                self._cached -= _num_bytes(self._cache.popitem(last=False)[1])
        return columns

    def load(self, name: str) -> pa.Table:
        """All of a segment, for one use; errors as `answer`."""
        with self._open(name) as file:
            return read_table(f"{self.place}/{name}", file)

    def indexes(self, names: list[str]) -> list[tuple[Facts, Keys]]:
        """The indexes of segments, in the order given; errors as `answer`."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self._index, names))

    def num_bytes(self, names: set[str]) -> int:
        """Size of these segments as stored."""
        return sum(int(self._files.size(f"{self._root}/{name}")) for name in names)

    def _index(self, name: str) -> tuple[Facts, Keys]:
        with self._open(name) as file:
            return read_index(f"{self.place}/{name}", file)

    def _open(self, name: str) -> Any:
        try:
            return self._files.open(f"{self._root}/{name}", "rb", cache_type="readahead", block_size=_BLOCK)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise self._unreachable(f"/{name}", error) from error

    def _unreachable(self, name: str, error: Exception) -> LedgerError:
        return LedgerError(
            f"{self.place}{name}: the ledger cannot be read ({_reason(error)}); make the folder accessible and run the same"
            " command again"
        )


def _num_bytes(columns: list[pa.Array]) -> int:
    return sum(column.nbytes for column in columns)


def _cause(error: Exception) -> BaseException | None:
    return error.__cause__ if isinstance(error, RunFolderError) else error


def _reason(error: Exception) -> str:
    cause = _cause(error)
    return str(getattr(cause, "strerror", None) or cause)
