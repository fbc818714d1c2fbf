"""The stages of a publish: private upload, checks on what was really uploaded, card, tag, and public where asked.

What needs no answer of the hub's is done while rows are on their way: the card's metadata is made and checked by mlcroissant, and
the process that will read everything back gets ready. Not here: what a card says (`catena.flows.card`).
"""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from catena.errors import RunFolderError, ShardError, UserError
from catena.flows.plan import Plan
from catena.flows.publish_parts import FILE_BYTES, Part, PlannedFile, configurations, parts_of, planned_files
from catena.flows.run_folder import DATA_MANIFEST, exclusive
from catena.secrets import Secret, resolve
from catena.storage import Store

if TYPE_CHECKING:
    from catena.flows.publish_checks import Reader
    from catena.flows.publish_hub import Hub
    from catena.flows.publish_staging import StagedFile

_REPO = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_TAG = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a publish is asked for.

    Attributes:
        repo: `namespace/name`, or a name in the user's own namespace.
        public: Whether everybody may see it in the end.
        tag: The version's name; empty for none.
        configs: Which configurations; empty for all but quarantine and rejected.
        endpoint: The hub's URL; None for `HF_ENDPOINT` or the public hub.
        token: Reference of the token (`env:NAME`, `file:PATH`); None for the one that `huggingface_hub` finds.
        file_bytes: Shards are merged into files of so many bytes.
        loaded: Whether to stream everything through `datasets` and search it for keys.
        severe: Whether to go public although the audit found severe things.
        in_place: Whether to upload to a repository that is public already.
    """

    repo: str
    public: bool = False
    tag: str = ""
    configs: tuple[str, ...] = ()
    endpoint: str | None = None
    token: str | None = None
    file_bytes: int = FILE_BYTES
    loaded: bool = True
    severe: bool = False
    in_place: bool = False


def publish(plan: Plan, store: Store, settings: Settings) -> str:
    """Publishes a finished run and returns the URL of its page.

    Raises:
        UserError: A setting is wrong, or the hub does not accept the token.
        RunFolderError: The run is not finished.
        HubError: The hub failed for longer than patience lasts; the same call goes on from there.
        CheckFailed: What was uploaded is not what it should be, or must not be seen; it stays private.
    """
    parts, planned = planned_for(plan, store, settings)
    if not store.exists("report.json"):
        raise RunFolderError(f"{plan.url}: no report.json, so the run is not finished; run the recipe to its end")
    token = resolve(settings.token) if settings.token else None
    with exclusive(store), ExitStack() as stack:
        return _publish(plan, store, settings, parts, planned, token, stack)


def _publish(
    plan: Plan,
    store: Store,
    settings: Settings,
    parts: list[Part],
    planned: list[PlannedFile],
    token: Secret | None,
    stack: ExitStack,
) -> str:
    aside = stack.enter_context(ThreadPoolExecutor(1))
    if "/" in settings.repo:
        aside.submit(_first_merged, store, _notes(settings.repo), planned[0])
    from catena.flows.publish_checks import Reader, check_card
    from catena.flows.publish_hub import Hub

    hub = Hub(settings.repo, settings.endpoint, token)
    hub.login()
    if not hub.create() and not settings.in_place:
        raise UserError(
            f"{hub.repo}: is public already, so its readers would see rows before they are checked; make it private on the hub,"
            " publish under another name, or give --in-place"
        )
    url, notes = f"{hub.endpoint}/datasets/{hub.repo}", _notes(hub.repo)
    print(f"{plan.recipe.name}: {len(planned):,} files to {url}")
    card = aside.submit(_prepared, plan, store, parts, hub.repo, url, settings.tag, notes)
    reader = stack.enter_context(Reader(hub.endpoint, token)) if settings.loaded else None
    files = _uploaded(hub, store, notes, planned)
    severe = _checked(hub, parts, files, reader)
    _allow(plan, store, settings, severe)
    commit = _commit_small(hub, card.result()(files))
    if reader is not None:
        wanted = {name: [part.split for part in own] for name, own in configurations(parts).items()}
        check_card(reader, hub, wanted, commit)
    if settings.tag:
        hub.tag(settings.tag, commit)
    if settings.public:
        hub.publish()
    said = f", tag {settings.tag}" if settings.tag else ""
    print(f"  card on commit {commit[:8]}{said}, {'public' if settings.public else 'private'}")
    return url


def _notes(repo: str) -> str:
    """Where the notes of a publish lie in the run folder."""
    return f"publish/{repo.replace('/', '--')}"


def _first_merged(store: Store, notes: str, planned: PlannedFile) -> None:
    """Merges the first file of a first attempt while the client is imported and the hub is asked who one is."""
    from catena.flows.publish_staging import Staging

    if store.local is None:
        return
    staging = Staging(store, notes, store.local / notes / "files")
    if staging.known(planned) is None:
        with suppress(ShardError, OSError):  # the upload meets the same error
            staging.staged(planned)


def _prepared(
    plan: Plan, store: Store, parts: Sequence[Part], repo: str, url: str, tag: str, notes: str
) -> Callable[["Sequence[StagedFile]"], dict[str, bytes]]:
    """The card and its metadata, checked, but for the number of rows."""
    from catena.flows.card import Published
    from catena.flows.croissant import check
    from catena.flows.publish_card import begun, beside

    day = _day(plan, store, notes)
    made = begun(plan, store, parts, Published(repo, url, tag, int(day[:4]), ()), day)
    check(made.metadata)
    return lambda files: beside(made, parts, files)


def _uploaded(hub: "Hub", store: Store, notes: str, planned: Sequence[PlannedFile]) -> "tuple[StagedFile, ...]":
    from catena.flows.publish_staging import Staging
    from catena.flows.publish_upload import upload

    began = time.monotonic()
    with _local(store, notes) as folder:
        done = upload(hub, Staging(store, notes, folder), planned, print)
    print(
        f"  {done.sent:,} of {len(planned):,} files uploaded in {done.commits} commits, {time.monotonic() - began:.1f} s"
    )
    return done.files


def _checked(
    hub: "Hub", parts: Sequence[Part], files: "Sequence[StagedFile]", reader: "Reader | None"
) -> Sequence[str]:
    """Checks what was uploaded; severe findings of its audit."""
    from catena.flows.publish_checks import check_listing, check_rows, check_streamed, stream

    commit = hub.head()
    streaming = stream(reader, hub, parts, files, commit) if reader is not None else None
    check_listing(hub, files, commit)
    rows = check_rows(hub, files, commit)
    print(f"  checked there: {len(files):,} files by hash, {rows:,} rows")
    if streaming is None:
        return ()
    streamed = streaming.result()
    check_streamed(parts, files, streamed)
    print(
        f"  checked there: {sum(streamed.rows.values()):,} rows streamed, no keys; {len(streamed.severe)} severe findings"
        f" in {streamed.audited:,} rows audited"
    )
    return streamed.severe


def _commit_small(hub: "Hub", files: dict[str, bytes]) -> str:
    """Commits the small files that differ from what is there; the commit that has them all."""
    from catena.flows.publish_hub import git_blob

    there = hub.tree()
    changed = {path: data for path, data in files.items() if path not in there or there[path].blob != git_blob(data)}
    if changed:
        additions = [hub.addition(path, data) for path, data in changed.items()]
        hub.upload(additions)
        hub.commit(additions, (), "card and metadata")
    return hub.head()


def planned_for(plan: Plan, store: Store, settings: Settings) -> tuple[list[Part], list[PlannedFile]]:
    """What is to be published, in which files.

    Raises:
        UserError: A setting is wrong, or the run is not finished.
    """
    if not _REPO.fullmatch(settings.repo):
        raise UserError(f"--repo {settings.repo}: expected namespace/name of letters, digits, '-', '_' and '.'")
    if settings.tag and not _TAG.fullmatch(settings.tag):
        raise UserError(f"--tag {settings.tag}: expected a name of letters, digits, '-', '_' and '.', such as v1")
    if not store.exists(DATA_MANIFEST):
        raise UserError(f"{plan.url}: nothing is finished here to publish; run the recipe to its end")
    parts = parts_of(plan, store, settings.configs)
    return parts, planned_files(parts, settings.file_bytes)


def _allow(plan: Plan, store: Store, settings: Settings, severe: Sequence[str]) -> None:
    """Refuses to show others what an audit warns of."""
    if not settings.public or settings.severe:
        return
    from catena.flows.auditing import read_audit

    audited = read_audit(plan, store)
    known = int(audited["severe"]) if audited else 0
    if severe or known:
        first = severe[0] if severe else "see audit.json"
        raise UserError(
            f"the audit found {max(known, len(severe))} severe things ({first}); it stays private: look at them with"
            f" 'catena audit {plan.url}', or publish all the same with --allow-severe"
        )


def _day(plan: Plan, store: Store, notes: str) -> str:
    """The day of the first attempt with this data, so that every attempt writes the same card."""
    path, identity = f"{notes}/begun.json", plan.identities["shards"]
    try:
        begun = orjson.loads(store.read(path))
        if begun["identity"] == identity:
            return str(begun["day"])
    except (FileNotFoundError, ValueError, KeyError):
        pass
    day = datetime.now(UTC).date().isoformat()
    store.write(path, orjson.dumps({"day": day, "identity": identity}))
    return day


@contextmanager
def _local(store: Store, notes: str) -> Iterator[Path]:
    """Where merged files wait for their commit: in the run folder, or a temporary folder where that is remote."""
    if store.local is not None:
        yield store.local / notes / "files"
        return
    with tempfile.TemporaryDirectory(prefix="catena-publish-") as folder:
        yield Path(folder)
