"""Servers that a scheduler names in a file or variable, found while requests are under way; real HTTP."""

import asyncio
from pathlib import Path

import pytest

from catena.discovery import discovered
from catena.engines import openai
from catena.engines.models import ModelSpec
from catena.engines.openai import OpenAIEngine
from catena.engines.rehearsal.running import RunningServer, serve
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.errors import ServerUnreachable, UserError
from tests.ledger_entries import ask


def test_urls_come_from_files_variables_and_the_recipe_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "urls").write_text("http://a:1/v1  # node 1\n\n# node 2\nhttp://b:1/v1,http://a:1/v1\n")
    monkeypatch.setenv("SERVERS", "http://c:1/v1 http://b:1/v1")
    entries = ["http://x:1/v1", f"file:{tmp_path}/urls", "env:SERVERS", "env:UNSET", "file:/not/there"]
    assert discovered(entries) == ("http://x:1/v1", "http://a:1/v1", "http://b:1/v1", "http://c:1/v1")


def test_what_is_no_url_is_refused_and_a_password_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("node-17:8000")
    with pytest.raises(UserError, match="is no base URL"):
        discovered([f"file:{tmp_path}/urls"])
    (tmp_path / "urls").write_text("http://me:hunter2@host/v1")
    with pytest.raises(UserError, match="holds a password") as refused:
        discovered([f"file:{tmp_path}/urls"])
    assert "hunter2" not in str(refused.value)


def test_requests_wait_for_a_server_to_be_named_and_move_to_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "EVERY_S", 0.05)
    file = tmp_path / "urls"

    async def go(first: RunningServer, second: RunningServer) -> list[int]:
        engine = OpenAIEngine(ModelSpec("m", "org/m", urls=(f"file:{file}",), patience_s=20))
        try:
            waiting = asyncio.create_task(engine.complete(ask(1)))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            file.write_text(first.url)
            await waiting
            file.write_text("not a url")  # half-written: the known server stays
            await asyncio.sleep(0.2)
            await engine.complete(ask(2))
            file.write_text(second.url)
            await asyncio.sleep(0.3)
            await engine.complete(ask(3))
            return [first.stats()["requests"], second.stats()["requests"]]
        finally:
            await engine.close()

    with serve(RehearsalSettings()) as first, serve(RehearsalSettings()) as second:
        assert asyncio.run(go(first, second)) == [2, 1]


def test_a_file_that_never_names_a_server_ends_the_run_after_its_patience(tmp_path: Path) -> None:
    async def go() -> None:
        engine = OpenAIEngine(ModelSpec("m", "org/m", urls=(f"file:{tmp_path}/urls",), patience_s=0.3))
        try:
            await engine.complete(ask(1))
        finally:
            await engine.close()

    with pytest.raises(ServerUnreachable):
        asyncio.run(go())
