"""`catena ledger stats|export|gc` on runs, on bare ledgers, and on what is none."""

import argparse
import json
import os
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from catena.engines.base import JsonSchema, identity
from catena.errors import LedgerError, RunFolderError, UserError
from catena.flows import ledger_command
from catena.flows.run_folder import exclusive
from catena.ledger import open_ledger
from catena.storage import Store
from tests.ledger_entries import ROOT, answer, ask, put, put_all

STRANGE = "NUL \0 line \u2028 next \x85 half \ud800 ✓"


def run(*words):
    parser = argparse.ArgumentParser()
    ledger_command.add_arguments(parser)
    return ledger_command.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture(params=["ledger.db", "ledger"])
def folder(request, tmp_path):
    """A run folder with 20 completions of two models, one of them superseded."""
    folder = tmp_path / "run"
    ledger = open_ledger(str(folder / request.param))
    put_all(ledger, [(ask(n), answer(f"text {n}", latency=2.0)) for n in range(18)])
    put(ledger, ask(1, max_tokens=40), answer("cut", finish="length", tokens=40, latency=2.0))
    put(ledger, ask(0, model="judge", purpose="validity", schema=JsonSchema("v", {"type": "object"})), answer(STRANGE))
    ledger.close()
    (folder / "recipe.json").write_text('{"recipe": {"ledger": null}}')
    return folder


def test_stats_say_what_was_paid_for_per_model_and_purpose(folder, capsys):
    assert run("stats", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "20 completions kept" in lines[0]
    assert [line.split() for line in lines[2:]] == [
        ["judge", "validity", "1", "0", "20", "5", "10", "3", "0.50", "s"],
        ["m/8b", "solve", "19", "1", "380", "95", "220", "57", "2.00", "s"],
    ]
    assert run("stats", folder, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kept"], facts["totals"][1]["completion_tokens"]) == (20, 220)
    assert facts["bytes"] == sum(
        file.stat().st_size for file in folder.rglob("*ledger*") if file.is_file() and file.suffix == ".db"
    ) or facts["bytes"] == sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def test_an_export_holds_every_completion_on_a_line_of_its_own(folder, tmp_path, capsys):
    assert run("export", folder, tmp_path / "out.jsonl") == 0
    assert capsys.readouterr().out == f"20 completions written to {tmp_path / 'out.jsonl'}\n"
    text = (tmp_path / "out.jsonl").read_bytes().decode()
    rows = [json.loads(line) for line in text.splitlines()]
    (judge,) = [row for row in rows if row["model"] == "judge"]
    assert judge["text"] == STRANGE
    assert judge["schema"] == {"name": "v", "schema": {"type": "object"}}
    assert judge["messages"][1] == {"role": "user", "content": "What is 0 + 1?"}
    assert sorted(row["text"] for row in rows if row["model"] == "m/8b" and row["finish_reason"] == "stop") == sorted(
        f"text {n}" for n in range(18)
    )
    assert all(abs(row["written_at"] - time.time()) < 100 for row in rows)


def test_an_export_to_parquet_or_a_ledger_again_keeps_everything(folder, tmp_path):
    assert run("export", folder, tmp_path / "out.parquet") == 0
    assert run("export", folder, tmp_path / "out.db") == 0
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 20
    (source,) = [path for path in (folder / "ledger.db", folder / "ledger") if path.exists()]
    before, after = open_ledger(str(source), writable=False), open_ledger(str(tmp_path / "out.db"), writable=False)
    assert after.totals() == before.totals()
    assert {(each.key, each.completion.text) for each in after.entries()} == {
        (each.key, each.completion.text) for each in before.entries()
    }
    before.close()
    after.close()


def test_an_export_never_overwrites_a_ledger_and_leaves_no_half_file(folder, tmp_path):
    (tmp_path / "there.db").write_text("")
    with pytest.raises(LedgerError, match="no ledger is overwritten"):
        run("export", folder, tmp_path / "there.db")
    with pytest.raises(LedgerError, match=r"unknown ending '\.csv', expected one of \.jsonl"):
        run("export", folder, tmp_path / "out.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written"):
        run("export", folder, tmp_path / "file" / "out.jsonl")
    assert sorted(os.listdir(tmp_path)) == ["file", "run", "there.db"]


def test_gc_says_what_would_go_and_then_what_went(folder, capsys):
    assert run("gc", folder, "--superseded", "--dry-run") == 0
    assert "1 completion would go" in capsys.readouterr().out
    assert run("gc", folder, "--superseded") == 0
    assert "1 completion went" in capsys.readouterr().out
    assert run("gc", folder, "--model", "judge", "--older-than", "30", "--dry-run") == 0
    assert "0 completions would go" in capsys.readouterr().out
    assert run("gc", folder, "--model", "judge", "--older-than", "0") == 0
    assert run("gc", folder) == 0
    capsys.readouterr()
    assert run("stats", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "18 completions kept" in lines[0]
    assert lines[1] == "2 more were paid for and are not kept"
    assert lines[3].split()[:4] == ["judge", "validity", "1", "0"]


def test_gc_gives_the_room_of_deleted_completions_back(tmp_path, capsys):
    path = tmp_path / "ledger.db"
    ledger = open_ledger(str(path))
    put_all(ledger, [(ask(n), answer(os.urandom(5000).hex())) for n in range(300)])
    put_all(ledger, [(ask(n, model="other"), answer("x")) for n in range(100)])
    ledger.close()
    before = path.stat().st_size
    assert run("gc", path, "--model", "m/8b") == 0
    assert "300 completions went, 3.1 MB of text" in capsys.readouterr().out
    assert path.stat().st_size < before / 10
    ledger = open_ledger(str(path))
    assert ledger.find(identity(ask(5)), 100) is None
    assert ledger.find(identity(ask(5, model="other")), 100) == answer("x")
    put(ledger, ask(5), answer("again"))
    assert [total.completions for total in ledger.totals()] == [301, 100]
    assert ledger.num_kept() == 101
    ledger.close()


def test_gc_is_refused_while_a_run_is_at_work(folder):
    with exclusive(Store(str(folder))):
        with pytest.raises(RunFolderError, match="another run is at work"):
            run("gc", folder, "--superseded")
        assert run("gc", folder, "--superseded", "--dry-run") == 0


def test_a_ledger_is_found_by_run_by_name_by_file_and_through_the_recipe(folder, tmp_path, monkeypatch, capsys):
    (source,) = [path for path in (folder / "ledger.db", folder / "ledger") if path.exists()]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "named").symlink_to(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "recipe.json").write_text(json.dumps({"recipe": {"ledger": str(source)}}))
    for named in (folder, source, "named", "run", elsewhere):
        assert run("stats", named) == 0
        assert "20 completions kept" in capsys.readouterr().out


def test_what_is_no_ledger_is_one_sentence(tmp_path):
    for words in (["stats", tmp_path], ["export", tmp_path, tmp_path / "x.jsonl"], ["gc", tmp_path / "none"]):
        with pytest.raises(LedgerError, match="no ledger lies here"):
            run(*words)
    with pytest.raises(LedgerError, match="no ledger lies here"):
        run("export", tmp_path / "none.db", tmp_path / "x.jsonl", "--salvage")
    for days in ("-1", "nan"):
        with pytest.raises(UserError, match="--older-than"):
            run("gc", tmp_path, "--older-than", days)


def test_salvage_says_what_was_lost(folder, tmp_path, capsys):
    assert run("export", folder, tmp_path / "whole.db", "--salvage") == 0
    assert "20 completions saved" in capsys.readouterr().out
    (victim,) = [folder / "ledger.db"] if (folder / "ledger.db").exists() else sorted(folder.glob("ledger/*"))[:1]
    data = victim.read_bytes()
    spot = data.find(b"text 7") if victim.suffix == ".db" else len(data) // 2
    victim.write_bytes(data[:spot] + b"\0" * 6 + data[spot + 6 :])
    assert run("export", folder, tmp_path / "saved.db", "--salvage") == 1
    out = capsys.readouterr().out
    assert "\nlost: " in out
    saved = open_ledger(str(tmp_path / "saved.db"), writable=False)
    assert 0 < saved.num_kept() < 20
    saved.close()


def test_memory_does_not_grow_with_the_ledger(tmp_path):
    code = (
        "import re, sys, argparse; from catena.flows import ledger_command as c; p = argparse.ArgumentParser();"
        "c.add_arguments(p); c.run(p.parse_args(['export', *sys.argv[1:]]));"
        "print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    )
    peaks = []
    for count in (100, 3000):
        url = str(tmp_path / f"{count}.db")
        ledger = open_ledger(url)
        put_all(ledger, [(ask(n), answer("x" * 20_000)) for n in range(count)])
        ledger.close()
        out = subprocess.run(
            [sys.executable, "-c", code, url, str(tmp_path / "out.jsonl")], cwd=ROOT, capture_output=True, check=True
        )
        peaks.append(int(out.stdout.split()[-1]))
    assert peaks[1] < peaks[0] * 1.2, "60 MB of text"
