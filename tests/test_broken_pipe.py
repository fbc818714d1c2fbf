"""A reader who leaves is no error of the command; any other broken pipe is, and is said."""

import subprocess
import sys

import pytest

from catena.flows import cli


def test_a_reader_who_leaves_ends_the_command_without_a_word() -> None:
    script = "import sys; from catena.flows.cli import main; sys.exit(main(['recipes']))"
    command = [sys.executable, "-u", "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as said:
        assert said.read() == b""
    assert process.wait() == 1


def test_a_broken_pipe_elsewhere_is_reported_and_leaves_the_streams_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks() -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(cli, "_recipes", lambda options: breaks())
    assert cli.main(["recipes"]) == 1
    assert "is gone" in capsys.readouterr().err
    assert not sys.stderr.closed
