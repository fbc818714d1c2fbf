"""Makes what travels to a machine without Catena: the curricula inside `gpu.py`, and the rows beside it.

python -m benchmarks.horizon.bundle                                     copies the modules into gpu.py; --check only looks
python -m benchmarks.horizon.bundle --rows RUN --to rows.jsonl.gz       writes the published rows of a run folder
"""

import argparse
import ast
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from catena.shards import read_manifest, read_rows
from catena.storage import Store

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).with_name("gpu.py")
BEGIN, END = "# --- copied from Catena by bundle.py: begin ---\n", "# --- copied from Catena by bundle.py: end ---\n"
PARTS: dict[str, tuple[str, ...] | None] = {
    "catena/errors.py": ("CatenaError", "UserError", "RecipeError"),
    "catena/seeds.py": None,
    "catena/pass_rates.py": ("Tally",),
    "trainers/curriculum.py": None,
    "trainers/curriculum_mixture.py": None,
    "trainers/curriculum_gate.py": None,
    "trainers/curriculum_band.py": None,
    "trainers/curriculum_bandit.py": None,
    "trainers/curricula.py": None,
    "benchmarks/horizon/table.py": None,
}
"""The modules in an order in which they can be read, each with the names that are wanted of it; None: all."""
OURS = ("catena", "benchmarks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit code 1 where gpu.py is not up to date")
    parser.add_argument("--rows", type=Path, metavar="RUN", help="run folder of data_gpu.toml or of `catena compose`")
    parser.add_argument("--to", type=Path, default=Path("rows.jsonl.gz"))
    options = parser.parse_args()
    if options.rows:
        counts = export_rows(options.rows, options.to)
        print(f"{options.to}: {', '.join(f'{count:,} for {use}' for use, count in sorted(counts.items()))}")
        return
    old = TARGET.read_text(encoding="utf-8")
    new = bundled(old)
    if not options.check:
        TARGET.write_text(new, encoding="utf-8")
    elif new != old:
        sys.exit("benchmarks/horizon/gpu.py holds older curricula; run 'python -m benchmarks.horizon.bundle'")


def bundled(text: str) -> str:
    """`text` of gpu.py with the modules as they stand now.

    Raises:
        ValueError: `text` lacks the marks or an import that a module needs, or two modules define the same name.
    """
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in PARTS}
    trees = {name: ast.parse(source) for name, source in sources.items()}
    have = set(_imported(ast.parse(text).body))
    for name, tree in trees.items():
        wanted = PARTS[name]
        if wanted is None and (missing := sorted(set(_imported(tree.body)) - have)):
            raise ValueError(f"{name} imports {', '.join(missing)}, which gpu.py does not: add the import at its top")
    names = Counter(name for tree in trees.values() for node in tree.body for name in _defined(node))
    names.update(name for node in ast.parse(head + tail).body for name in _defined(node))
    kept = {
        name
        for part, tree in trees.items()
        for node in tree.body
        if _is_kept(node, PARTS[part])
        for name in _defined(node)
    }
    if twice := sorted(name for name, count in names.items() if count > 1 and name in kept):
        raise ValueError(f"{', '.join(twice)}: defined more than once among gpu.py and its modules; rename one")
    parts = [f"# {name}\n\n\n{_body(source, trees[name], PARTS[name])}" for name, source in sources.items()]
    return "\n\n".join([head + BEGIN.rstrip("\n"), *parts, END + tail]).replace(BEGIN.rstrip("\n") + "\n\n", BEGIN)


def export_rows(folder: Path, target: Path) -> Counter[str]:
    """Writes the published rows of `folder` as JSON lines, one row each, and returns how many serve which use.

    A line has `id`, `horizon`, `use` (`sft`, `rl` or `test`), `prompt` and `completion`, both as plain text. The order is
    that of the shards, and the same rows give the same bytes.
    """
    store, counts = Store(str(folder)), Counter[str]()
    columns = ("problem_id", "horizon", "suggested_use", "prompt", "completion")
    shards = [store.full(shard.path) for shard in read_manifest(store, "data/manifest.json")]
    with target.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for shard in shards:
            for row in read_rows([shard], columns=columns).to_pylist():
                line = {
                    "id": row["problem_id"],
                    "horizon": row["horizon"],
                    "use": row["suggested_use"],
                    "prompt": row["prompt"][-1]["content"],
                    "completion": row["completion"][-1]["content"],
                }
                counts[line["use"]] += 1
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return counts


def _body(source: str, tree: ast.Module, wanted: tuple[str, ...] | None) -> str:
    """The wanted statements of a module as they are written, with the comments and blank lines between them."""
    lines = source.splitlines()
    first = next(i for i, node in enumerate(tree.body) if _is_kept(node, wanted))
    if wanted is None:
        return "\n".join(lines[_start(tree.body[first]) - 1 :]).strip("\n") + "\n"
    nodes = [node for node in tree.body if _is_kept(node, wanted)]
    return "\n\n\n".join("\n".join(lines[_start(node) - 1 : node.end_lineno]) for node in nodes) + "\n"


def _is_kept(node: ast.stmt, wanted: tuple[str, ...] | None) -> bool:
    if wanted is not None:
        return bool(set(_defined(node)) & set(wanted))
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return not is_docstring and not isinstance(node, ast.Import | ast.ImportFrom)


def _start(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(decorator.lineno for decorator in decorators)]))


def _defined(node: ast.stmt) -> Iterable[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imported(body: Iterable[ast.stmt]) -> Iterable[str]:
    """What is imported from elsewhere than from this repository, each as it would be written."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in OURS:
            yield from (f"from {node.module} import {alias.name}" for alias in node.names)


if __name__ == "__main__":
    main()
