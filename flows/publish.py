"""`catena publish`: a run as a data set on the Hugging Face Hub, shown to others only when it has been checked there.

    catena publish my-run --repo my-name/my-data --dry-run      what would be uploaded
    catena publish my-run --repo my-name/my-data                private upload, checks, card
    catena publish my-run --repo my-name/my-data --tag v1 --public

Stages: private upload, checks on what was really uploaded, card, tag, and public where asked. The same command goes on where it
was killed. Needs the extra `hub`. Not here: what a card says (`catena.flows.card`).
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from catena.errors import UserError
from catena.flows.auditing import read_audit
from catena.flows.plan import Plan
from catena.flows.publish_parts import FILE_BYTES, Part, PlannedFile, configurations, parts_of, planned_files
from catena.flows.run_folder import DATA_MANIFEST, exclusive
from catena.flows.status import open_run
from catena.secrets import Secret, resolve
from catena.storage import Store

if TYPE_CHECKING:
    from catena.flows.publish_hub import Hub

_REPO = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_TAG = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_MEGABYTE = 2**20


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena publish`."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    parser.add_argument("--repo", required=True, metavar="NAME", help="namespace/name, or a name of your own")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--private", action="store_true", help="only for those who may see it (the default)")
    seen.add_argument("--public", action="store_true", help="for everybody, once all checks have passed")
    parser.add_argument("--tag", default="", help="name of this version: v1")
    parser.add_argument("--configs", default="", metavar="NAMES", help="with commas: sft,rl,rejected (default: all but"
                        " quarantine and rejected)")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="show what would be uploaded, and ask the hub nothing")
    parser.add_argument("--endpoint", metavar="URL", help="another hub")
    parser.add_argument("--token", metavar="REFERENCE", help="env:NAME or file:PATH (default: HF_TOKEN or your login)")
    parser.add_argument("--file-size", type=int, default=FILE_BYTES // _MEGABYTE, metavar="MB", help="of merged files")
    parser.add_argument("--no-load", action="store_true", help="do not stream it all through `datasets` afterwards")
    parser.add_argument("--allow-severe", action="store_true", help="public although the audit found severe things")
    parser.add_argument("--in-place", action="store_true", help="upload although the repository is public already")


def run(options: argparse.Namespace) -> int:
    """Publishes a run, or shows what would be published.

    Raises:
        UserError: A setting is wrong, the run is not finished, or the token is.
    """
    configs = tuple(dict.fromkeys(name.strip() for name in options.configs.split(",") if name.strip()))
    if options.file_size < 1:
        raise UserError(f"--file-size {options.file_size}: expected megabytes, at least 1")
    settings = Settings(
        repo=options.repo,
        public=options.public,
        tag=options.tag,
        configs=configs,
        endpoint=options.endpoint,
        token=options.token,
        file_bytes=options.file_size * _MEGABYTE,
        loaded=not options.no_load,
        severe=options.allow_severe,
        in_place=options.in_place,
    )
    plan, store = open_run(options.run_folder)
    if options.dry_run:
        _show(plan, store, settings)
        return 0
    print(publish(plan, store, settings))
    return 0


def publish(plan: Plan, store: Store, settings: Settings) -> str:
    """Publishes a finished run and returns the URL of its page.

    Raises:
        UserError: A setting is wrong, or the hub does not accept the token.
        HubError: The hub failed for longer than patience lasts; the same call goes on from there.
        CheckFailed: What was uploaded is not what it should be, or must not be seen; it stays private.
    """
    parts, planned = _planned(plan, store, settings)
    token = resolve(settings.token) if settings.token else None
    with exclusive(store):
        return _publish(plan, store, settings, parts, planned, token)


def _publish(
    plan: Plan, store: Store, settings: Settings, parts: list[Part], planned: list[PlannedFile], token: Secret | None
) -> str:
    from catena.flows.publish_card import beside
    from catena.flows.publish_checks import check_card, check_listing, check_rows, check_streamed, stream
    from catena.flows.publish_hub import Hub
    from catena.flows.publish_staging import Staging
    from catena.flows.publish_upload import upload

    hub = Hub(settings.repo, settings.endpoint, token)
    hub.login()
    if not hub.create() and not settings.in_place:
        raise UserError(
            f"{hub.repo}: is public already, so its readers would see rows before they are checked; make it private on the hub,"
            " publish under another name, or give --in-place"
        )
    url, notes = f"{hub.endpoint}/datasets/{hub.repo}", f"publish/{hub.repo.replace('/', '--')}"
    print(f"{plan.recipe.name}: {len(planned):,} files to {url}")
    began = time.monotonic()
    with _local(store, notes) as folder:
        done = upload(hub, Staging(store, notes, folder), planned, print)
    print(
        f"  {done.sent:,} of {len(planned):,} files uploaded in {done.commits} commits, {time.monotonic() - began:.1f} s"
    )
    commit = hub.head()
    check_listing(hub, done.files, commit)
    rows = check_rows(hub, done.files, commit)
    print(f"  checked there: {len(done.files):,} files by hash, {rows:,} rows")
    severe: Sequence[str] = ()
    if settings.loaded:
        streamed = stream(hub, parts, commit, token)
        check_streamed(parts, done.files, streamed)
        severe = streamed.severe
        print(f"  checked there: {sum(streamed.rows.values()):,} rows streamed, no keys, {len(severe)} severe findings")
    _allow(plan, store, settings, severe)
    extra = beside(plan, store, parts, done.files, hub.repo, url, settings.tag, _day(plan, store, notes))
    commit = _commit_small(hub, extra)
    if settings.loaded:
        wanted = {name: [part.split for part in own] for name, own in configurations(parts).items()}
        check_card(hub, wanted, commit, token)
    if settings.tag:
        hub.tag(settings.tag, commit)
    if settings.public:
        hub.publish()
    said = f", tag {settings.tag}" if settings.tag else ""
    print(f"  card on commit {commit[:8]}{said}, {'public' if settings.public else 'private'}")
    return url


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


def _planned(plan: Plan, store: Store, settings: Settings) -> tuple[list[Part], list[PlannedFile]]:
    if not _REPO.fullmatch(settings.repo):
        raise UserError(f"--repo {settings.repo}: expected namespace/name of letters, digits, '-', '_' and '.'")
    if settings.tag and not _TAG.fullmatch(settings.tag):
        raise UserError(f"--tag {settings.tag}: expected a name of letters, digits, '-', '_' and '.', such as v1")
    if not store.exists(DATA_MANIFEST):
        raise UserError(f"{plan.url}: nothing is finished here to publish; run the recipe to its end")
    parts = parts_of(plan, store, settings.configs)
    return parts, planned_files(parts, settings.file_bytes)


def _show(plan: Plan, store: Store, settings: Settings) -> None:
    parts, planned = _planned(plan, store, settings)
    print(
        f"{plan.recipe.name} would go to {settings.repo}, {'public after its checks' if settings.public else 'private'}:"
    )
    print(f"  {'configuration':<16}{'split':<8}{'rows':>12}{'MB':>10}{'files':>8}")
    for name, own in configurations(parts).items():
        for part in own:
            files = sum(one.part == part for one in planned)
            size = sum(shard.num_bytes for shard in part.shards) / 1e6
            rows = f"{'at most ' if part.needs else ''}{sum(shard.rows for shard in part.shards):,}"
            print(f"  {name:<16}{part.split:<8}{rows:>12}{size:>10,.1f}{files:>8,}")
    print("nothing was uploaded: this was a dry run (sizes are those of the run's shards)")


def _allow(plan: Plan, store: Store, settings: Settings, severe: Sequence[str]) -> None:
    """Refuses to show others what an audit warns of."""
    if not settings.public or settings.severe:
        return
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
