"""The `catena` command. Sub-commands import what they need when they are called, so that `--help` answers at once."""

import argparse
import os
import select
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TextIO

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


MODULES = {
    "compose": ("catena.flows.compose_command", "certified composed problems as Parquet, without recipe or model"),
    "train": ("catena.flows.train_command", "SFT and RL from published shards, without a recipe"),
    "taxonomy": ("catena.flows.taxonomy_command", "grow, look at, check and edit topic trees"),
    "deploy": ("catena.flows.deploy_command", "scheduled runs: deployments of recipes in Prefect"),
    "review": ("catena.flows.review_command", "rows that verifiers were not sure about, for a person to decide"),
    "ledger": ("catena.flows.ledger_command", "what models have answered: stats, export, gc"),
    "export": ("catena.flows.export_command", "rows for TRL, verl, prime-rl, OpenRLHF, NeMo RL, slime or SkyRL"),
    "observe": ("catena.flows.observe_command", "take in the rollouts of an exported schedule"),
    "rehearse": ("catena.flows.rehearse_command", "serve the OpenAI API on loopback, with errors of known rate"),
    "compare": ("catena.flows.compare", "compare an answer in model text with the gold answer"),
    "panel": ("catena.flows.panel_command", "what a panel's votes decide, and how far each voter can be trusted"),
    "eval": ("catena.flows.eval_command", "how often a model solves held-out problems, and whether another is better"),
    "difficulty": ("catena.flows.difficulty_command", "how hard problems are for a crowd of solvers, with intervals"),
    "contamination": (
        "catena.flows.contamination_command",
        "rows that stand in a benchmark, and how well planted ones are found",
    ),
    "duplicates": ("catena.flows.duplicates_command", "rows that repeat each other, in clusters"),
    "publish": ("catena.flows.publish", "a run as a data set on the Hugging Face Hub, checked before anybody sees it"),
    "trace": ("catena.flows.trace_command", "where a published row came from, and what was trained on it"),
    "audit": ("catena.flows.audit_command", "what should not be published: hidden text, injection, secrets, triggers"),
}
"""Commands that declare their own arguments: the module, which is imported when the command is given, and its help."""


class _Command(argparse.ArgumentParser):
    """The parser of a sub-command, which asks its module for the arguments only when it is used."""

    module = ""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As argparse's own."""
        if self.module:
            module, self.module = self.module, ""
            import_module(module).add_arguments(self)
        return super().parse_known_args(args, namespace)


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
    except BrokenPipeError as error:
        if not _has_no_reader(sys.stdout):
            print(f"catena: {error}: a process or server that was spoken to is gone", file=sys.stderr)
        else:  # as in `catena ... | head`; what is still in the buffer would fail again as the interpreter ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _has_no_reader(stream: TextIO) -> bool:
    """Whether a stream leads into a pipe that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="catena", description="Verified reasoning data of any horizon, from a topic to a trained model."
    )
    parser.add_argument("--version", action="version", version=f"catena {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Command)

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

    status = commands.add_parser("status", help="the books of a run: in = done + filtered + failed + pending")
    status.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(command=_status)

    certify = commands.add_parser("certify", help="certify published shards again, from the rows alone")
    certify.add_argument("shards", nargs="+", metavar="SHARD", help="Parquet files")
    certify.add_argument(
        "--fresh",
        type=int,
        metavar="SEED",
        help="with other perturbations than the published ones: reports the share that passes",
    )
    certify.add_argument(
        "--own-limits",
        action="store_true",
        help="hold each row to the limits that it names, even if weaker than the standard",
    )
    certify.set_defaults(command=_certify)

    show = commands.add_parser("show", help="print rows of a shard as a person reads them")
    show.add_argument("shard", metavar="SHARD", help="Parquet file")
    show.add_argument("--row", type=int, default=0, help="which row, from 0 (default 0)")
    show.set_defaults(command=_show)

    recipes = commands.add_parser("recipes", help="list the shipped recipes")
    recipes.set_defaults(command=_recipes)
    for name, (module, said) in MODULES.items():
        command = commands.add_parser(name, help=said)
        command.module = module
        command.set_defaults(command=_of_module, module=module)
    return parser


def _recipe_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="TOML file, or the name of a shipped recipe")
    parser.add_argument(
        "--run-folder", metavar="URL", help="where to make it (default runs/<name>); path or fsspec URL"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides", help="replace a setting: seed=3"
    )


def _of_module(options: argparse.Namespace) -> int:
    return int(import_module(options.module).run(options))


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


def _status(options: argparse.Namespace) -> int:
    from catena.flows import status

    return status.run(options.run_folder, as_json=options.json)


def _certify(options: argparse.Namespace) -> int:
    from catena.flows import inspect

    return inspect.certify_shards(options.shards, fresh=options.fresh, own_limits=options.own_limits)


def _show(options: argparse.Namespace) -> int:
    from catena.flows import inspect

    return inspect.show(options.shard, options.row)


def _recipes(options: argparse.Namespace) -> int:
    from catena.flows import run

    return run.list_recipes()


if __name__ == "__main__":
    sys.exit(main())
