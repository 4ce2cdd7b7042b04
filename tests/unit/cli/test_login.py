"""Whatever is wrong with the way to a cluster is said in a sentence."""

from __future__ import annotations

import socket
from pathlib import Path

import click
import msgspec
import pytest

from cocoon.api.job import InferenceJob
from cocoon.cli.__main__ import GROUP, main
from cocoon.cli.failure import FAILED, UNREACHABLE, USAGE

CONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "%s"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: %s
"""


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"https://127.0.0.1:{listener.getsockname()[1]}"


def test_no_kubeconfig(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KUBECONFIG", "/no/such:/neither")
    assert main(["status"]) == UNREACHABLE
    err = capsys.readouterr().err
    assert (
        err
        == "kubectl cocoon: There is no kubeconfig at /no/such:/neither: give --kubeconfig FILE or set KUBECONFIG.\n"
    )


def test_a_cluster_that_is_away(tmp_path: Path, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config"
    file.write_text(CONFIG % (nobody, "x"))
    assert main(["status", "--kubeconfig", str(file)]) == UNREACHABLE
    err = capsys.readouterr().err
    assert f"The API server at {nobody} can't be reached" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("content", ["", "[]", "{", CONFIG % ("https://127.0.0.1:1", "nothing"), "current-context: x"])
def test_a_kubeconfig_that_is_none(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    assert main(["why", "j1", "--kubeconfig", str(file)]) == FAILED
    err = capsys.readouterr().err
    assert err.startswith("kubectl cocoon: The kubeconfig can't be ")
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_a_context_that_is_not_there(tmp_path: Path, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config"
    file.write_text(CONFIG % (nobody, "x"))
    assert main(["status", "--kubeconfig", str(file), "--context", "staging"]) == FAILED
    assert "staging" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["nonsense"], ["status", "-o", "xml"], ["submit"], ["drain", "a", "b"]])
def test_a_wrong_command_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == USAGE
    assert "Error:" in capsys.readouterr().err


def test_objects_of_another_release(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command("strange")
    def strange() -> None:
        msgspec.convert({"metadata": 1}, InferenceJob)

    monkeypatch.setitem(GROUP.commands, "strange", strange)
    assert main(["strange"]) == FAILED
    assert "An object is of another release than this command" in capsys.readouterr().err


def test_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("slow")
    def slow() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(GROUP.commands, "slow", slow)
    assert main(["slow"]) == 130
