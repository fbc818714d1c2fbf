"""The two files a server writes: what it planted, and which requests it read."""

import os
import time
from pathlib import Path

import orjson

from catena.engines.rehearsal.problems import Written
from catena.engines.rehearsal.question import Question
from catena.errors import DatasetError, RunFolderError
from catena.records import content_id


class JsonLines:
    """A file to which objects are appended, one to a line; it is made with its folder where it is missing."""

    def __init__(self, path: str) -> None:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115  # lives as long as the server
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be written ({error.strerror}); choose another file") from error
        self._waiting: list[bytes] = []
        self._is_cut = False

    def add(self, row: object) -> None:
        """Keeps a row for the next `flush`."""
        self._waiting.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Hands what was added to the operating system, in one write; where that fails it is dropped.

        Raises:
            OSError: It cannot be written.
        """
        if self._waiting:
            data = memoryview((b"\n" if self._is_cut else b"") + b"".join(self._waiting))
            self._waiting.clear()
            self._is_cut = True
            while data:
                data = data[os.write(self._file.fileno(), data) :]
            self._is_cut = False

    def close(self) -> None:
        """Flushes and closes; safe to call twice."""
        if not self._file.closed:
            self.flush()
            self._file.close()


class PlantedFile:
    """What was planted in every distinct problem that was answered in full, before the answer leaves.

    Columns: `reference`, `statement_id` (see `catena.records.content_id`), `planted`, `truth` (null where ambiguous),
    `stated`, `answer_type`, `unit`, `form`, `model`.
    """

    def __init__(self, path: str) -> None:
        self._known = _references(path)
        self._lines = JsonLines(path)

    def add(self, written: Written, model: str) -> None:
        """Appends a problem that is not there yet.

        Raises:
            OSError: It cannot be written.
        """
        known = written.planted
        if known.reference in self._known:
            return
        self._lines.add(
            {
                "reference": known.reference,
                "statement_id": content_id(written.statement),
                "planted": known.planted,
                "truth": known.truth,
                "stated": known.stated,
                "answer_type": known.answer_type,
                "unit": known.unit,
                "form": known.form,
                "model": model,
            }
        )
        self._lines.flush()
        self._known.add(known.reference)

    def close(self) -> None:
        """Closes the file; safe to call twice."""
        self._lines.close()


def _references(path: str) -> set[str]:
    """The references in a planted file. Lines that a kill cut off are passed over, and the last one is ended."""
    if not Path(path).is_file():  # a pipe or a device has nothing to read back
        return set()
    try:
        data = Path(path).read_bytes()
        if data and not data.endswith(b"\n"):
            with open(path, "ab") as file:
                file.write(b"\n")
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be used ({error.strerror}); choose another file") from error
    lines, found = data.splitlines(), set()
    for number, line in enumerate(lines, 1):
        try:
            found.add(str(orjson.loads(line)["reference"]))
        except orjson.JSONDecodeError as error:
            if number == 1 < len(lines):
                raise DatasetError(f"{path}, line 1: not JSON ({error}); give a file of planted problems") from error
        except (KeyError, TypeError) as error:
            raise DatasetError(f"{path}, line {number}: no planted problem; give another file") from error
    return found


class RequestLog:
    """One line per request at the moment when it has been read, so that those whose client dies are counted."""

    def __init__(self, path: str) -> None:
        self._lines = JsonLines(path)

    def add(self, question: Question | None, attempt: int, fault: str, in_flight: int) -> None:
        """Keeps a line; `question` is None where the body could not be understood."""
        self._lines.add(
            {
                "time": time.time(),
                "body": "" if question is None else question.body.hex(),
                "kind": "" if question is None else question.kind,
                "model": "" if question is None else question.model,
                "attempt": attempt,
                "fault": fault,
                "in_flight": in_flight,
            }
        )

    def flush(self) -> None:
        """Writes the kept lines."""
        self._lines.flush()

    def close(self) -> None:
        """Flushes and closes; safe to call twice."""
        self._lines.close()
