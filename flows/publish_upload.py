"""The upload: makes the data files of a repository equal to the planned ones, from wherever it stands.

What is there already is found by its SHA-256 in the hub's own listing, so nothing is sent twice. The next files are merged while
others are on their way, each from the moment it is whole; disk and memory are bounded by one commit and one row group.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from catena.flows.publish_hub import COMMIT_BYTES, COMMIT_FILES, Hub, Remote, Say
from catena.flows.publish_parts import FOLDER, PlannedFile
from catena.flows.publish_staging import StagedFile, Staging

_AHEAD = 2
_TOGETHER = 4
"""Files that are uploaded at once."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload came to: all files of the set, and how many of them, and of how many bytes, had to be sent."""

    files: tuple[StagedFile, ...]
    sent: int
    sent_bytes: int
    commits: int


def upload(hub: Hub, staging: Staging, planned: Sequence[PlannedFile], say: Say) -> Uploaded:
    """Uploads and commits what the repository lacks, and deletes what else lies in `data/`.

    Raises:
        ShardError: A shard is not what its manifest lists.
        UserError, HubError: As `Hub`.
    """
    there = hub.tree()
    files: dict[str, StagedFile] = {}
    with ThreadPoolExecutor(1) as merger, ThreadPoolExecutor(_TOGETHER) as senders:
        batch = _Batch(hub, staging, say, senders)
        try:
            for made, path in _missing(staging, planned, there, files, merger):
                files[made.path] = made
                if _same(there.get(made.path), made):
                    staging.drop(made.path)
                else:
                    batch.add(made, path)
            extra = sorted(path for path in there if path.startswith(f"{FOLDER}/") and path not in files)
            batch.finish(extra)
        except BaseException:
            merger.shutdown(wait=False, cancel_futures=True)
            senders.shutdown(wait=False, cancel_futures=True)
            raise
    return Uploaded(tuple(files[one.path] for one in planned), batch.sent, batch.sent_bytes, batch.commits)


def _missing(
    staging: Staging,
    planned: Sequence[PlannedFile],
    there: dict[str, Remote],
    files: dict[str, StagedFile],
    merger: ThreadPoolExecutor,
) -> Iterator[tuple[StagedFile, Path]]:
    """The files that are not known to be on the hub, merged a little ahead; the others go into `files` at once."""
    lacking = []
    for one in planned:
        known = staging.known(one)
        if known is not None and _same(there.get(one.path), known):
            files[one.path] = known
            staging.drop(one.path)
        else:
            lacking.append(one)
    ahead: list[Future[tuple[StagedFile, Path]]] = []
    for one in lacking:
        ahead.append(merger.submit(staging.staged, one))
        if len(ahead) > _AHEAD:
            yield ahead.pop(0).result()
    for future in ahead:
        yield future.result()


class _Batch:
    """Files on their way into the next commit."""

    def __init__(self, hub: Hub, staging: Staging, say: Say, senders: ThreadPoolExecutor) -> None:
        self._hub, self._staging, self._say, self._senders = hub, staging, say, senders
        self._sending: list[tuple[StagedFile, Future[object]]] = []
        self._uploaded: list[tuple[StagedFile, object]] = []
        self.sent = self.sent_bytes = self.commits = 0

    def add(self, made: StagedFile, path: Path) -> None:
        """Begins to send a file; a full batch is committed."""
        self._sending.append((made, self._senders.submit(self._send, made, path)))
        if len(self._sending) > _TOGETHER:
            self._await(1)
        if len(self._uploaded) >= COMMIT_FILES or sum(one.num_bytes for one, _ in self._uploaded) >= COMMIT_BYTES:
            self._commit(())

    def finish(self, extra: Sequence[str]) -> None:
        """Commits the rest, and deletes the files that are no part of the set."""
        self._await(len(self._sending))
        rest = list(extra)
        while self._uploaded or rest:
            room = max(0, 2 * COMMIT_FILES - len(self._uploaded))
            self._commit(rest[:room])
            rest = rest[room:]

    def _send(self, made: StagedFile, path: Path) -> object:
        addition = self._hub.addition(made.path, path, made.sha256)
        self._hub.upload([addition])
        return addition

    def _await(self, number: int) -> None:
        """Waits for the first files that are on their way."""
        for made, future in self._sending[:number]:
            self._uploaded.append((made, future.result()))
        del self._sending[:number]

    def _commit(self, deleted: Sequence[str]) -> None:
        files = [one for one, _ in self._uploaded]
        message = f"{len(files)} data files" + (f", {len(deleted)} deleted" if deleted else "")
        self._hub.commit([addition for _, addition in self._uploaded], deleted, message)  # type: ignore[misc]
        for one in files:
            self._staging.drop(one.path)
        self.sent += len(files)
        self.sent_bytes += sum(one.num_bytes for one in files)
        self.commits += 1
        self._uploaded = []
        self._say(f"  committed {message}; {self.sent:,} files, {self.sent_bytes / 1e6:,.0f} MB so far")


def _same(there: Remote | None, made: StagedFile) -> bool:
    return there is not None and there.sha256 == made.sha256
