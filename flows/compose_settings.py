"""What `catena compose` is asked for, and whether a folder was made with the same."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import orjson

from catena import __version__
from catena.errors import RunFolderError, UserError
from catena.generators.composing import Style
from catena.records import content_id
from catena.schemas import SCHEMA_VERSION
from catena.shards import Shard
from catena.storage import Store

ATOMS = "atoms"
"""The source of the families that come with Catena."""
SETTINGS = "compose.json"
RULES = 3
"""Version of how rows follow from settings, to be raised with it: rows of two versions are not mixed in one folder."""
_LEAST, _MOST, _SHARDS = 250, 5_000, 64
_IN_OPTIONS = {"horizons": "--horizon", "shapes": "--shape", "source": "--from"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the rows depend on; see `catena.generators.compose.Composed` for those of the same name.

    Attributes:
        source: `atoms`, or where the rows of a data set are.
        split: Part of a hub data set.
        rows: Whether rows of a data set are read as `programs`, `kept` as they stand, or `auto`: the first that gives any problem.
        columns: Where kept rows have their question, answer and, as a third one, worked solution.
        count: Rows wanted.
        test: Share of the rows set aside for evaluation, by template, in [0, 1).
        template_cap: Rows kept of the same problem with new numbers; 0 keeps all.
        adapters: A Python file that registers further operations; empty: none.
    """

    source: str
    split: str
    rows: Literal["auto", "programs", "kept"]
    columns: tuple[str, ...]
    shapes: str
    horizons: tuple[int, ...]
    count: int
    size: int | None
    distractors: int
    intermediate: int
    style: Style
    topics: tuple[str, ...]
    seed: int
    test: float
    template_cap: int
    adapters: str

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(f"--count {self.count}: expected a number of rows, at least 1")
        if len(self.columns) not in (2, 3) or not all(self.columns):
            raise UserError(f"--columns {','.join(self.columns)}: expected question,answer or question,answer,solution")
        if not 0 <= self.test < 1:
            raise UserError(f"--test {self.test}: expected a share of the rows, at least 0 and below 1")
        if self.template_cap < 0:
            raise UserError(f"--template-cap {self.template_cap}: expected a number of rows, or 0 for no cap")

    @property
    def shard_rows(self) -> int:
        """Rows of a shard: the unit of work and of durable completion; follows from the count alone."""
        return min(max(-(-self.count // _SHARDS), _LEAST), _MOST)

    def identity(self, atoms: Shard | None) -> dict[str, Any]:
        """What two runs must share to share a folder; where files lie changes nothing, what they hold does."""
        mine: dict[str, Any] = asdict(self)
        if atoms is not None:
            mine["source"] = f"rows {atoms.blake2b}"
        if self.adapters:
            mine["adapters"] = _content(self.adapters)
        return mine | {"version": __version__, "schema": SCHEMA_VERSION, "rules": RULES}


def claim(store: Store, identity: dict[str, Any]) -> None:
    """Makes the folder one of these settings, or finds that it is.

    Raises:
        RunFolderError: It was made with other settings, or holds something else.
    """
    try:
        there = orjson.loads(store.read(SETTINGS))
    except FileNotFoundError:
        found = [name for name in store.names("") if name not in (".lock", "work")]
        if found:
            raise RunFolderError(
                f"{store.url}: not empty ({found[0]}) and not made by 'catena compose'; choose another folder with --out"
            ) from None
        store.write(SETTINGS, orjson.dumps(identity, option=orjson.OPT_INDENT_2))
        return
    except ValueError as error:
        raise RunFolderError(f"{store.full(SETTINGS)}: damaged ({error}); delete the folder and start again") from error
    mine = orjson.loads(orjson.dumps(identity))
    differing = [name for name in mine if not isinstance(there, dict) or there.get(name) != mine[name]]
    if differing:
        name = differing[0]
        was = there.get(name) if isinstance(there, dict) else None
        raise RunFolderError(
            f"{store.url}: made with other settings ({_option(name)} was {_short(was)}, now {_short(mine[name])}); choose"
            " another folder with --out, or delete this one"
        )


def _option(name: str) -> str:
    known = {field.name for field in fields(Settings)}
    return _IN_OPTIONS.get(name, f"--{name.replace('_', '-')}" if name in known else name)


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _content(path: str) -> str:
    try:
        return content_id(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--adapters {path}: cannot be read ({error}); it names a Python file") from error
