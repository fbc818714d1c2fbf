import copy
import json
import logging
import pickle
from pathlib import Path

import orjson
import pytest

from catena.errors import UserError
from catena.secrets import Secret, redact, resolve

KEY = "sk-51HxyzABCDEFtotallysecret"


def test_a_key_comes_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODEL_KEY", f" {KEY}\n")
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert resolve("env:MODEL_KEY").reveal() == KEY
    assert resolve(f"file:{tmp_path / 'key'}").reveal() == KEY


def test_no_way_of_showing_a_secret_shows_its_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    secret = resolve("env:MODEL_KEY")
    logging.getLogger("x").warning("%s %r", secret, [secret])
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>60}", f"{{'k': {[secret]}}}", caplog.text]
    shown += [pickle.dumps(secret, protocol).decode("latin-1") for protocol in range(6)]
    assert all("env:MODEL_KEY" in text and "totally" not in text for text in shown)
    for dumps in (json.dumps, orjson.dumps):
        with pytest.raises(TypeError) as error:
            dumps(secret)
        assert "totally" not in str(error.value)


def test_a_copied_or_unpickled_secret_is_resolved_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    data = pickle.dumps(resolve("env:MODEL_KEY"))
    monkeypatch.setenv("MODEL_KEY", "another-key")
    assert pickle.loads(data).reveal() == "another-key"
    assert copy.deepcopy(resolve("env:MODEL_KEY")).reveal() == "another-key"


@pytest.mark.parametrize("reference", [KEY, f"env:{KEY}", "env:", "file:", "", "vault:x", f"ENV:{KEY}"])
def test_what_is_no_reference_is_refused_without_being_shown(reference: str) -> None:
    with pytest.raises(UserError, match="reference") as error:
        resolve(reference)
    assert "totally" not in str(error.value)


def test_a_reference_that_leads_nowhere_is_named_in_one_sentence(tmp_path: Path) -> None:
    for reference in (
        "env:CATENA_TEST_UNSET",
        f"file:{tmp_path / 'none'}",
        f"file:{tmp_path}",
        "file:~nobody-here/key",
    ):
        with pytest.raises(UserError) as error:
            resolve(reference)
        assert str(error.value).startswith(f"{reference}: ")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["", " \n", f"{KEY}\nX-Other: 1", f"{KEY}\0", "schlüssel-geheim", "k" * 20_000])
def test_a_value_that_cannot_be_a_key_is_refused_without_being_shown(tmp_path: Path, value: str) -> None:
    (tmp_path / "key").write_text(value)
    with pytest.raises(UserError) as error:
        resolve(f"file:{tmp_path / 'key'}")
    assert not any(word in str(error.value) for word in ("totally", "geheim", "kkk"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a text file"):
        resolve(f"file:{tmp_path / 'key'}")


def test_redacting_takes_values_out_but_leaves_placeholders_in() -> None:
    secrets = [Secret("env:A", KEY), Secret("env:B", "x")]
    assert redact(f"wrong key {KEY}, next", secrets) == "wrong key [env:A], next"
