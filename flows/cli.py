"""The `catena` command. Sub-commands import what they need when they are called, so that `--help` answers at once."""

import argparse
import os
import sys
from collections.abc import Sequence

from catena import __version__
from catena.errors import CatenaError, RunStopped, UserError

STOPPED = 4
QUIET_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Set before the libraries are imported, unless the user has set them: no telemetry, no log lines between ours, and no
spinning threads (on a busy machine they slow training down many times)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code.

    0 done, 1 failed or different, 2 wrong input, 3 complete but for failed rows, 4 stopped by itself (budget, errors, no
    server), 130 stopped by Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return int(options.command(options))
    except UserError as error:
        print(f"catena: {error}", file=sys.stderr)
        return 2
    except RunStopped as error:
        print(f"catena: {error}", file=sys.stderr)
        return STOPPED
    except CatenaError as error:
        print(f"catena: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("catena: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="catena", description="Verified reasoning data of any horizon, from a topic to a trained model."
    )
    parser.add_argument("--version", action="version", version=f"catena {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="make everything that a recipe names; go on where it stopped")
    _recipe_arguments(run)
    run.add_argument("--quiet", action="store_true", help="say nothing on the way")
    run.add_argument(
        "--rehearse", action="store_true", help="play every model by a local server: the whole recipe for nothing"
    )
    run.set_defaults(command=_run)

    plan = commands.add_parser("plan", help="show what would run and why, and what the models would be asked")
    _recipe_arguments(plan)
    plan.add_argument(
        "--sample", type=int, default=0, metavar="ROWS", help="ask for so many rows first, and estimate from them"
    )
    plan.set_defaults(command=_plan)

    check = commands.add_parser("check", help="ask each model of a recipe one cheap request")
    _recipe_arguments(check)
    check.set_defaults(command=_check)

    retry = commands.add_parser("retry", help="try failed rows again")
    retry.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    retry.add_argument("--only", default="", metavar="CAUSES", help="causes, with commas: truncated,timeout")
    retry.add_argument("--quiet", action="store_true", help="say nothing on the way")
    retry.add_argument("--rehearse", action="store_true", help="for the run folder of a rehearsal")
    retry.set_defaults(command=_retry)

    replay = commands.add_parser("replay", help="parse and verify every completion of a run again, without a request")
    replay.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    replay.add_argument("--quiet", action="store_true", help="say nothing on the way")
    replay.set_defaults(command=_replay)

    ledger = commands.add_parser("ledger", help="what models have answered: stats, export, gc")
    _ledger_arguments(ledger)
    ledger.set_defaults(command=_ledger)

    taxonomy = commands.add_parser("taxonomy", help="grow, look at, check and edit topic trees")
    _taxonomy_arguments(taxonomy)
    taxonomy.set_defaults(command=_taxonomy)

    rehearse = commands.add_parser("rehearse", help="serve the OpenAI API on loopback, with errors of known rate")
    _rehearse_arguments(rehearse)
    rehearse.set_defaults(command=_rehearse)

    status = commands.add_parser("status", help="the books of a run: in = done + filtered + failed + pending")
    status.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(command=_status)

    compare = commands.add_parser("compare", help="compare an answer in model text with the gold answer")
    _compare_arguments(compare)
    compare.set_defaults(command=_compare)

    panel = commands.add_parser("panel", help="what a panel's votes decide, and how far each voter can be trusted")
    _panel_arguments(panel)
    panel.set_defaults(command=_panel)

    audit = commands.add_parser("audit", help="what should not be published: hidden text, injection, secrets, triggers")
    _audit_arguments(audit)
    audit.set_defaults(command=_audit)

    certify = commands.add_parser("certify", help="certify published shards again, from the rows alone")
    certify.add_argument("shards", nargs="+", metavar="SHARD", help="Parquet files")
    certify.set_defaults(command=_certify)

    show = commands.add_parser("show", help="print rows of a shard as a person reads them")
    show.add_argument("shard", metavar="SHARD", help="Parquet file")
    show.add_argument("--row", type=int, default=0, help="which row, from 0 (default 0)")
    show.set_defaults(command=_show)

    recipes = commands.add_parser("recipes", help="list the shipped recipes")
    recipes.set_defaults(command=_recipes)
    return parser


def _recipe_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="TOML file, or the name of a shipped recipe")
    parser.add_argument(
        "--run-folder", metavar="URL", help="where to make it (default runs/<name>); path or fsspec URL"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides", help="replace a setting: seed=3"
    )


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    from catena.flows import compare

    compare.add_arguments(parser)


def _panel_arguments(parser: argparse.ArgumentParser) -> None:
    from catena.flows import panel_command

    panel_command.add_arguments(parser)


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    from catena.flows import audit_command

    audit_command.add_arguments(parser)


def _ledger_arguments(parser: argparse.ArgumentParser) -> None:
    from catena.flows import ledger_command

    ledger_command.add_arguments(parser)


def _taxonomy_arguments(parser: argparse.ArgumentParser) -> None:
    from catena.flows import taxonomy_command

    taxonomy_command.add_arguments(parser)


def _rehearse_arguments(parser: argparse.ArgumentParser) -> None:
    from catena.flows import rehearse_command

    rehearse_command.add_arguments(parser)


def _run(options: argparse.Namespace) -> int:
    from catena.flows import run

    given = run.overrides_of(options.overrides)
    return run.run(options.recipe, options.run_folder, given, quiet=options.quiet, rehearse=options.rehearse)


def _plan(options: argparse.Namespace) -> int:
    from catena.flows import planning, run

    given = run.overrides_of(options.overrides)
    return planning.show_plan(options.recipe, options.run_folder, given, sample=options.sample)


def _check(options: argparse.Namespace) -> int:
    from catena.flows import check, run

    return check.check(options.recipe, options.run_folder, run.overrides_of(options.overrides))


def _retry(options: argparse.Namespace) -> int:
    from catena.flows import run

    causes = [cause.strip() for cause in options.only.split(",") if cause.strip()]
    return run.retry(options.run_folder, causes, quiet=options.quiet, rehearse=options.rehearse)


def _replay(options: argparse.Namespace) -> int:
    from catena.flows import run

    return run.replay(options.run_folder, quiet=options.quiet)


def _ledger(options: argparse.Namespace) -> int:
    from catena.flows import ledger_command

    return ledger_command.run(options)


def _taxonomy(options: argparse.Namespace) -> int:
    from catena.flows import taxonomy_command

    return taxonomy_command.run(options)


def _rehearse(options: argparse.Namespace) -> int:
    from catena.flows import rehearse_command

    return rehearse_command.run(options)


def _status(options: argparse.Namespace) -> int:
    from catena.flows import status

    return status.run(options.run_folder, as_json=options.json)


def _compare(options: argparse.Namespace) -> int:
    from catena.flows import compare

    return compare.run(options)


def _panel(options: argparse.Namespace) -> int:
    from catena.flows import panel_command

    return panel_command.run(options)


def _audit(options: argparse.Namespace) -> int:
    from catena.flows import audit_command

    return audit_command.run(options)


def _certify(options: argparse.Namespace) -> int:
    from catena.flows import inspect

    return inspect.certify_shards(options.shards)


def _show(options: argparse.Namespace) -> int:
    from catena.flows import inspect

    return inspect.show(options.shard, options.row)


def _recipes(options: argparse.Namespace) -> int:
    from catena.flows import run

    return run.list_recipes()


if __name__ == "__main__":
    sys.exit(main())
