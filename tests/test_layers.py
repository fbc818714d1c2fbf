"""Who may import whom: downwards only, never sideways."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SIBLINGS = ("taxonomy", "generators", "validators", "trainers")
STANDARD_ONLY = ("records", "errors")
HEAVY = ("torch", "transformers", "trl", "prefect", "vllm")


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "catena" not in path.parts[len(ROOT.parts) + 1 :])


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; cross-folder imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("folder", SIBLINGS)
def test_a_sibling_imports_no_sibling_and_no_flow(folder: str) -> None:
    forbidden = tuple(f"catena.{other}" for other in (*SIBLINGS, "flows") if other != folder)
    for path in modules(folder):
        wrong = [name for name in imports(path) if name.startswith(forbidden) or name.startswith("prefect")]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_the_core_imports_nothing_above_itself() -> None:
    above = tuple(f"catena.{folder}" for folder in (*SIBLINGS, "flows"))
    for path in sorted((ROOT / "catena").glob("*.py")) + sorted((ROOT / "catena" / "engines").glob("*.py")):
        wrong = [name for name in imports(path) if name.startswith(above)]
        assert not wrong, f"{path.name} imports {wrong}"


@pytest.mark.parametrize("module", STANDARD_ONLY)
def test_the_lowest_layer_knows_only_the_standard_library(module: str) -> None:
    import sys

    roots = {name.split(".")[0] for name in imports(ROOT / "catena" / f"{module}.py")}
    assert roots <= set(sys.stdlib_module_names)


def test_trainers_read_shards_as_a_stranger_would() -> None:
    allowed = (
        "catena.shards", "catena.answers", "catena.puzzles", "catena.process_worker", "catena.parquet", "catena.pass_rates",
        "catena.records", "catena.errors", "catena.seeds", "catena.storage", "catena.trainers",
    )  # fmt: skip
    for path in modules("trainers"):
        wrong = [name for name in imports(path) if name.startswith("catena") and not name.startswith(allowed)]
        assert not wrong, f"{path.name} imports {wrong}"


def test_nobody_imports_the_folders_by_their_bare_names() -> None:
    bare = (*SIBLINGS, "flows")
    for folder in (*bare, "catena", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            wrong = [name for name in imports(path) if name.split(".")[0] in bare]
            assert not wrong, f"{path}: write catena.{wrong[0]}"


@pytest.mark.parametrize("folder", ["flows", *SIBLINGS])
def test_each_linked_folder_imports_as_part_of_catena(folder: str) -> None:
    link = ROOT / "catena" / folder
    assert link.is_symlink(), f"catena/{folder} must be a relative link; check out with symbolic links enabled"
    assert link.resolve() == ROOT / folder


def test_the_command_line_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = f"import sys, catena.flows.cli as c; c._parser(); print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
