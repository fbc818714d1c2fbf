"""Parquet files put one after the other into one file without being decoded: their pages are copied, their footers joined.

A shard that is of streaming-friendly size as it is need not be written anew, which is most of the work of a merge. The footer is a
Thrift structure (https://github.com/apache/parquet-format, parquet.thrift) in the compact protocol; only offsets and the
row groups' ordinals change in it. Not here: encrypted files, bloom filters and columns in files of their own.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

MAGIC = b"PAR1"
_TRUE, _FALSE, _BYTE, _I16, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12
_SCHEMA, _ROWS, _ROW_GROUPS, _FACTS = 2, 3, 4, 5
_COLUMNS, _GROUP_BYTES, _GROUP_OFFSET, _ORDINAL = 1, 2, 5, 7
_CHUNK_FILE, _CHUNK_META, _CHUNK_OFFSETS, _ENCRYPTED = 1, 3, (2, 4, 6), (8, 9)
_META_OFFSETS, _BLOOM = (9, 10, 11), 14

Struct = dict[int, tuple[int, Any]]
"""Thrift type and value of every field, by its number, in order. Lists are (type of the items, items)."""


class NotSpliced(Exception):
    """A file whose pages cannot be copied as they are; it must be written anew."""


class _Sink(Protocol):
    def write(self, data: bytes | memoryview, /) -> Any: ...

    def tell(self) -> int: ...


class Splice:
    """One Parquet file out of several.

    Args:
        sink: Where it is written.
        group_bytes: Encoded bytes that a row group may have at most.
    """

    def __init__(self, sink: BinaryIO | _Sink, group_bytes: int) -> None:
        self._sink, self._group_bytes = sink, group_bytes
        self._footer: Struct = {}
        self._groups: list[Struct] = []
        self.rows = 0

    def add(self, data: bytes) -> None:
        """Copies the row groups of a whole Parquet file.

        Raises:
            NotSpliced: Its schema or metadata are not those of the first file, a row group is too large, or it is a
                kind of file that is not copied; nothing was written of it then.
        """
        footer, end = _footer_of(data)
        groups: list[Struct] = footer[_ROW_GROUPS][1][1]
        if self._footer and any(footer.get(at) != self._footer.get(at) for at in (_SCHEMA, _FACTS)):
            raise NotSpliced("its schema or metadata are others than those of the first file")
        if any(group[_GROUP_BYTES][1] > self._group_bytes for group in groups):
            raise NotSpliced(f"a row group of more than {self._group_bytes:,} bytes")
        for group in groups:
            _refuse(group)
        if not self._footer:
            self._footer = footer
            self._sink.write(MAGIC)
        by = self._sink.tell() - len(MAGIC)
        for group in groups:
            _move(group, by)
            group[_ORDINAL] = (_I16, len(self._groups))
            self._groups.append(dict(sorted(group.items())))
        self._sink.write(memoryview(data)[len(MAGIC) : end])
        self.rows += footer[_ROWS][1]

    def finish(self) -> None:
        """Writes the footer. At least one file must have been added."""
        whole = {
            **self._footer,
            _ROWS: (_I64, self.rows),
            _ROW_GROUPS: (_LIST, (_STRUCT, self._groups)),
        }
        written = bytes(_struct(whole))
        self._sink.write(written + len(written).to_bytes(4, "little") + MAGIC)


def _footer_of(data: bytes) -> tuple[Struct, int]:
    """The footer of a file, and where its pages end."""
    if len(data) < 12 or data[:4] != MAGIC or data[-4:] != MAGIC:
        raise NotSpliced("no Parquet file, or an encrypted one")
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if end < len(MAGIC):
        raise NotSpliced("its footer is longer than the file")
    try:
        return _Reader(data, end).struct(), end
    except IndexError:
        raise NotSpliced("its footer ends too early") from None


def _refuse(group: Struct) -> None:
    if len(group[_COLUMNS][1][1]) == 0:
        raise NotSpliced("a row group without columns")
    for chunk in group[_COLUMNS][1][1]:
        own = chunk.get(_CHUNK_META)
        if own is None or _CHUNK_FILE in chunk or any(at in chunk for at in _ENCRYPTED) or _BLOOM in own[1]:
            raise NotSpliced("a column that is encrypted, has a bloom filter or lies in another file")


def _move(group: Struct, by: int) -> None:
    """Every offset of a row group, `by` bytes further; 0 says that there is none."""
    places: list[tuple[Struct, int]] = [(group, _GROUP_OFFSET)]
    for chunk in group[_COLUMNS][1][1]:
        places += [(chunk, at) for at in _CHUNK_OFFSETS]
        places += [(chunk[_CHUNK_META][1], at) for at in _META_OFFSETS]
    for struct, at in places:
        kind, offset = struct.get(at, (_I64, 0))
        if offset:
            struct[at] = (kind, offset + by)


class _Reader:
    """Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md)."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def struct(self) -> Struct:
        found: Struct = {}
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._int()
            found[number] = (kind, kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind))
        return found

    def _value(self, kind: int) -> Any:
        if kind == _STRUCT:
            return self.struct()
        if kind in (_LIST, _SET):
            head = self._byte()
            size = self._varint() if head >> 4 == 15 else head >> 4
            return head & 15, [self._value(head & 15) for _ in range(size)]
        if kind == _MAP:
            raise NotSpliced("a footer with a map, which the format does not have")
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind in (_DOUBLE, _BINARY):
            size = 8 if kind == _DOUBLE else self._varint()
            self._at += size
            return self._data[self._at - size : self._at]
        return self._int()

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _int(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def _struct(fields: Struct) -> Iterator[int]:
    last = 0
    for number, (kind, value) in fields.items():
        kind = (_TRUE if value else _FALSE) if kind in (_TRUE, _FALSE) else kind
        if 0 < number - last < 16:
            yield (number - last) << 4 | kind
        else:
            yield kind
            yield from _int(number)
        last = number
        if kind not in (_TRUE, _FALSE):
            yield from _value(kind, value)
    yield 0


def _value(kind: int, value: Any) -> Iterator[int]:
    if kind == _STRUCT:
        yield from _struct(value)
    elif kind in (_LIST, _SET):
        of, items = value
        yield (min(len(items), 15) << 4) | of
        if len(items) >= 15:
            yield from _varint(len(items))
        for item in items:
            yield from _value(of, item)
    elif kind in (_TRUE, _FALSE, _BYTE):
        yield value
    elif kind in (_DOUBLE, _BINARY):
        if kind == _BINARY:
            yield from _varint(len(value))
        yield from value
    else:
        yield from _int(value)


def _int(value: int) -> Iterator[int]:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _varint(value: int) -> Iterator[int]:
    while value > 127:
        yield (value & 127) | 128
        value >>= 7
    yield value
