"""`catena publish`: a run as a data set on the Hugging Face Hub, shown to others only when it has been checked there.

    catena publish my-run --repo my-name/my-data --dry-run      what would be uploaded
    catena publish my-run --repo my-name/my-data                private upload, checks, card
    catena publish my-run --repo my-name/my-data --tag v1 --public

The same command goes on where it was killed. Needs the extra `hub`. Not here: the stages (`publish_stages`).
"""

import argparse

from catena.errors import UserError
from catena.flows.plan import Plan
from catena.flows.publish_parts import FILE_BYTES, configurations
from catena.flows.publish_stages import Settings, planned_for, publish
from catena.flows.status import open_run
from catena.storage import Store

__all__ = ["Settings", "add_arguments", "publish", "run"]

_MEGABYTE = 2**20


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


def _show(plan: Plan, store: Store, settings: Settings) -> None:
    parts, planned = planned_for(plan, store, settings)
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
