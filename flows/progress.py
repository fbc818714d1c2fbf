"""Progress of long work: a bar with rate and time left on a terminal, a plain line every few seconds elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY_S = 5.0


class Reporter:
    """Says what is going on. Use as a context manager; `start` a stage, `advance` it, `finish` it."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._live = self._console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._stage = ""
        self._task: TaskID | None = None
        self._total = self._done = self._rows = 0
        self._began = self._said = 0.0

    def __enter__(self) -> "Reporter":
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def say(self, text: str) -> None:
        """One line, whatever the kind of output."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def start(self, stage: str, total: int, *, done: int = 0) -> None:
        """Begins a stage of `total` units (shards, steps), `done` of which are there already."""
        self._stage, self._total, self._done, self._rows = stage, total, done, 0
        self._began = self._said = time.monotonic()
        if self._live:
            self._task = self._bar.add_task(stage, total=total, completed=done, note="")
        elif done < total:
            self.say(f"{stage}: {total - done} to do" + (f", {done} done before" if done else ""))

    def more(self, units: int) -> None:
        """The stage turns out to have `units` more than were known: another round of candidates."""
        self._total += units
        if self._task is not None:
            self._bar.update(self._task, total=self._total)
        else:
            self.say(f"{self._stage}: another round, {units} to do")

    def advance(self, done: int = 1, *, rows: int = 0, note: str = "") -> None:
        """`done` more units are finished, with `rows` rows; `note` stands beside them."""
        self._done += done
        self._rows += rows
        elapsed = max(time.monotonic() - self._began, 1e-9)
        text = note or (f"{self._rows:,} rows, {self._rows / elapsed:,.0f}/s" if self._rows else "")
        if self._task is not None:
            self._bar.update(self._task, completed=min(self._done, self._total), note=text)
        elif time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            left = elapsed / self._done * (self._total - self._done) if self._done else 0.0
            due = f"  about {left:.0f} s left" if self._done else ""
            self.say(f"{self._stage}: {self._done}/{self._total}  {text}{due}")

    @contextmanager
    def watching(self, note: Callable[[], str]) -> Iterator[None]:
        """Says `note()` every second (or every few, where there is no terminal) while the block lasts."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(1.0):
                self.advance(0, note=note())

        watcher = threading.Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def reach(self, done: int, *, note: str = "") -> None:
        """`done` units in all are finished."""
        self.advance(done - self._done, note=note)

    def finish(self, note: str) -> None:
        """The stage is done; `note` says what came of it."""
        if self._task is not None:
            self._bar.update(self._task, completed=self._total, note=note)
            self._task = None
        else:
            self.say(f"{self._stage}: {note} ({time.monotonic() - self._began:.1f} s)")
