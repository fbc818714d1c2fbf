"""One data set repository on a hub: what publishing asks of it, with patience, and with errors that a person can act on.

A commit whose answer was lost is looked for on the hub before it is sent again. The token is given to the client and to nobody
else: messages are cleaned of it. Limits of the hub (https://huggingface.co/docs/hub/repositories-recommendations): fewer than
100 files a commit, fewer than 10,000 entries a folder; and 128 commits an hour, as the answer with status 429 says.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from catena.errors import CatenaError, UserError
from catena.secrets import Secret, redact

try:
    import httpx2
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem
    from huggingface_hub import utils as hub_utils
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
    from huggingface_hub.hf_api import RepoFile
except ImportError as error:  # the extra is not installed
    raise UserError(f"publishing needs a package that is missing ({error}); pip install 'catena[hub]'") from error

COMMIT_FILES = 50
"""Files of a commit; the hub recommends fewer than 100."""
COMMIT_BYTES = 8 * 2**30
"""Bytes of a commit: at most so much is uploaded, or kept on disk, that no commit names yet."""
_TRIES = 8
_BLOCK = 2**20
_LONGEST_WAIT_S = 3600.0
_TRANSIENT = (408, 412, 429, 500, 502, 503, 504)

T = TypeVar("T")
Say = Callable[[str], None]


class HubError(CatenaError):
    """The hub did not do what was asked; the same command goes on from there."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the hub; `sha256` is None for a small file that git holds itself, `blob` its git id."""

    size: int
    sha256: str | None
    blob: str


class Hub:
    """A data set repository.

    Args:
        repo: `namespace/name`, or a name alone, which is the user's own.
        endpoint: The hub's URL; None for the client's own setting.
        token: What is sent; None for the one that the user logged in with.
        say: Told of every wait.
    """

    def __init__(self, repo: str, endpoint: str | None, token: Secret | None, say: Say = print) -> None:
        quiet: Any = hub_utils  # its exports are not declared
        quiet.logging.set_verbosity_error()
        quiet.disable_progress_bars()
        self._secrets = [token] if token is not None else []
        self._api = HfApi(endpoint=endpoint, token=token.reveal() if token is not None else None)
        self._say = say
        self.endpoint = self._api.endpoint
        self.repo = repo

    def login(self) -> str:
        """Finds out who the token is; a repository without a namespace becomes that user's."""
        name = str(self._asked("asking who the token belongs to", self._api.whoami)["name"])
        self.repo = self.repo if "/" in self.repo else f"{name}/{self.repo}"
        return name

    def create(self) -> bool:
        """Makes the repository, private, unless it is there; whether it is private."""
        self._asked(
            "making the repository",
            lambda: self._api.create_repo(self.repo, repo_type="dataset", private=True, exist_ok=True),
        )
        info = self._asked("looking at the repository", lambda: self._api.dataset_info(self.repo))
        return bool(info.private)

    def head(self) -> str:
        """The last commit."""
        return str(self._asked("looking at the repository", lambda: self._api.dataset_info(self.repo)).sha)

    def tree(self, revision: str | None = None) -> dict[str, Remote]:
        """Every file by path."""
        listed = self._asked(
            "listing the files",
            lambda: list(self._api.list_repo_tree(self.repo, recursive=True, repo_type="dataset", revision=revision)),
        )
        files = [one for one in listed if isinstance(one, RepoFile)]
        return {one.path: Remote(one.size, one.lfs.sha256 if one.lfs else None, one.blob_id) for one in files}

    def opened(self, path: str, revision: str) -> Any:
        """A file on the hub, read by ranges."""
        files = HfFileSystem(endpoint=self.endpoint, token=self._api.token, skip_instance_cache=True)
        return files.open(f"datasets/{self.repo}@{revision}/{path}", "rb", block_size=_BLOCK)

    def addition(self, path: str, content: Path | bytes, sha256: str = "") -> CommitOperationAdd:
        """A file to commit; a known hash spares reading it."""
        made = CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
        if sha256:
            made.upload_info.sha256 = bytes.fromhex(sha256)
        return made

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Uploads the content of large files, as far as the hub lacks it; no commit names them yet."""
        self._asked(
            f"uploading {len(additions)} files",
            lambda: self._api.preupload_lfs_files(
                self.repo, additions, repo_type="dataset", free_memory=False, num_threads=4
            ),
        )

    def commit(self, additions: Sequence[CommitOperationAdd], deleted: Sequence[str], message: str) -> None:
        """Makes the files part of the repository, and others no longer; done once, also where an answer is lost."""
        operations: list[Any] = [*additions, *(CommitOperationDelete(path) for path in deleted)]

        def settled() -> bool:
            there = self.tree()
            return all(_is_there(one, there) for one in additions) and not any(path in there for path in deleted)

        def send() -> None:
            self._api.create_commit(
                self.repo, operations, commit_message=message, repo_type="dataset", parent_commit=self.head()
            )

        self._asked(f"committing {len(operations)} files", send, settled=settled)

    def tag(self, name: str, commit: str) -> None:
        """Names a commit.

        Raises:
            UserError: The name stands for another commit.
        """
        refs = self._asked("listing the tags", lambda: self._api.list_repo_refs(self.repo, repo_type="dataset"))
        known = {one.name: one.target_commit for one in refs.tags}
        if known.get(name, commit) != commit:
            raise UserError(
                f"--tag {name}: {self.repo} has that tag, on commit {known[name][:8]} and not on {commit[:8]}; choose another"
            )
        self._asked(
            "tagging",
            lambda: self._api.create_tag(self.repo, tag=name, revision=commit, repo_type="dataset", exist_ok=True),
        )

    def publish(self) -> None:
        """Lets everybody see the repository."""
        self._asked(
            "making the repository public",
            lambda: self._api.update_repo_settings(self.repo, visibility="public", repo_type="dataset"),
        )

    def _asked(self, what: str, send: Callable[[], T], settled: Callable[[], bool] | None = None) -> Any:
        """What `send` returns, tried again after failures that pass; where `settled` says that it was done, not again."""
        wait = 1.0
        for attempt in range(_TRIES):
            try:
                return send()
            except OfflineModeIsEnabled:
                raise UserError("HF_HUB_OFFLINE is set, so the hub cannot be asked; unset it to publish") from None
            except LocalTokenNotFoundError:
                raise UserError(
                    "no token for the hub; set HF_TOKEN to one with write access, or log in with 'hf auth login'"
                ) from None
            except (HfHubHTTPError, httpx2.TransportError, RuntimeError) as error:
                told = _cause(error)
                status = told.response.status_code if isinstance(told, HfHubHTTPError) else 0
                last = attempt == _TRIES - 1
                if isinstance(told, RuntimeError) or last or (status and status not in _TRANSIENT):
                    raise self._told(what, told, status) from None
                if settled is not None and settled():
                    return None
                asked_for = _retry_after(told)
                pause = min(asked_for if asked_for is not None else wait, _LONGEST_WAIT_S)
                if pause >= 5 or status == 429:
                    self._say(f"the hub asks to wait {pause:.0f} s ({status}) while {what}")
                time.sleep(pause)
                wait = min(2 * wait, 30.0)
        raise AssertionError("the last try raises or returns")

    def _told(self, what: str, error: Exception, status: int) -> CatenaError:
        said = " ".join(redact(str(error), self._secrets).split())[:300]
        if status == 401:
            return UserError(
                f"{self.endpoint} does not accept the token (401) while {what}; set HF_TOKEN to a valid one with write access,"
                " or log in with 'hf auth login'"
            )
        if status == 403:
            return UserError(
                f"{self.endpoint} does not let this token write to {self.repo} (403) while {what}; use a token with write"
                " access to that namespace"
            )
        if status and status not in _TRANSIENT:
            return HubError(f"{self.endpoint} refused {what} of {self.repo} ({status}): {said}")
        return HubError(
            f"{self.endpoint} failed at {what} of {self.repo} {_TRIES} times, last with {said or type(error).__name__};"
            " the same command goes on from there"
        )


def _cause(error: Exception) -> Exception:
    """What is behind the client's own 'Error while uploading'."""
    behind = error.__cause__
    known = (HfHubHTTPError, httpx2.TransportError)
    return behind if isinstance(error, RuntimeError) and isinstance(behind, known) else error


def _retry_after(error: Exception) -> float | None:
    if not isinstance(error, HfHubHTTPError):
        return None
    value = error.response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _is_there(one: CommitOperationAdd, there: dict[str, Remote]) -> bool:
    found = there.get(one.path_in_repo)
    if found is None or found.sha256:
        return found is not None and found.sha256 == one.upload_info.sha256.hex()
    return found.blob == git_blob(one.path_or_fileobj if isinstance(one.path_or_fileobj, bytes) else b"")


def git_blob(content: bytes) -> str:
    """The id that git has for this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
