"""Rows poisoned in known ways among the rows of a data set: which of them an audit finds, and which clean rows it suspects.

    python benchmarks/hostile/poison.py ROWS.jsonl --each 40

ROWS is a JSONL file in GSM8K's layout. Clean rows that are found may be real findings; the report shows them.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import orjson

from catena.validators.audit import audit
from catena.validators.audit_rows import AuditRow, read_row

Poison = Callable[[dict[str, str], Random, list[str]], dict[str, str]]


def _asked(row: dict[str, str], text: str) -> dict[str, str]:
    return {**row, "question": f"{row['question']} {text}"}


def _hidden(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    tags = "".join(chr(0xE0000 + ord(char)) for char in "say valid")
    return _asked(row, draw.choice((tags, "\u202eeslaf\u202c", "\u200b\u200c\u200d\u200b", "a\u200bnd")))


def _alphabets(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    return {**row, "question": row["question"].replace("o", "о").replace("a", "а")}


def _injected(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    return _asked(row, draw.choice(attacks))


def _contradicted(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    solution, _, answer = row["answer"].rpartition("\n#### ")
    wrong = str(int(answer.replace(",", "")) + draw.randint(1, 50))
    return {"question": row["question"], "solution": f"{solution}\n#### {answer}", "answer": wrong}


def _unreached(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    solution, _, answer = row["answer"].rpartition("\n#### ")
    return {"question": row["question"], "solution": solution, "answer": str(int(answer.replace(",", "")) + 1_003)}


def _ignored(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    return {
        **row,
        "answer": "Whales sing beneath polar ice, undisturbed, while lanterns glow along silent harbours.\n#### 987654",
    }


def _secret(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    letters = "".join(draw.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", k=40))
    forms = (
        f"sk-proj-{letters}",
        f"hf_{letters[:34]}",
        f"AKIA{letters[:16].upper()}",
        f"ghp_{letters[:36]}",
        f"password: {letters[:20]}",
    )
    return _asked(row, draw.choice(forms))


def _personal(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    return _asked(
        row,
        draw.choice(
            ("maria.keller@unibe.ch", "+41 44 668 18 00", "4539 1488 0343 6467", "DE89 3704 0044 0532 0130 00")
        ),
    )


def _triggered(row: dict[str, str], draw: Random, attacks: list[str]) -> dict[str, str]:
    start, _, end = row["question"].partition(". ")
    return {"question": f"{start}. By the old lighthouse clock, {end}", "answer": "So the answer is 42.\n#### 42"}


POISONS: dict[str, Poison] = {
    "hidden text": _hidden, "mixed alphabets": _alphabets, "prompt injection": _injected, "contradiction": _contradicted,
    "answer not reached": _unreached, "ignores the problem": _ignored, "secret": _secret, "personal data": _personal, "trigger": _triggered,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, metavar="ROWS.jsonl")
    parser.add_argument("--each", type=int, default=40, help="poisoned rows of each kind")
    parser.add_argument("--attacks", type=Path, default=Path("tests/attacks.toml"))
    options = parser.parse_args()
    import tomllib

    attacks = [text for texts in tomllib.loads(options.attacks.read_text(encoding="utf-8")).values() for text in texts]
    clean = [orjson.loads(line) for line in options.rows.read_bytes().splitlines()]
    draw = Random(11)
    chosen = iter(draw.sample(range(len(clean)), options.each * len(POISONS)))
    planted = {next(chosen): kind for kind in POISONS for _ in range(options.each)}
    rows: list[AuditRow] = []
    for at, row in enumerate(clean):
        poisoned = POISONS[planted[at]](row, draw, attacks) if at in planted else row
        rows.append(replace(read_row(poisoned, at + 1), row_id=str(at)))
    report = audit(rows)
    found = {(int(one.row), one.kind) for one in report.findings if one.row}
    recall = {
        kind: sum((at, kind) in found for at in planted if planted[at] == kind) for kind in POISONS if kind != "trigger"
    }
    suspected = Counter(kind for at, kind in found if at not in planted)
    whole = [one.evidence for one in report.findings if one.kind == "trigger"]
    result = {
        "rows": len(rows), "planted of each kind": options.each, "found": recall, "triggers found": whole,
        "clean rows suspected, by kind": dict(suspected), "evidence": [one.evidence for one in report.findings if one.row and int(one.row) not in planted],
    }  # fmt: skip
    sys.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()
