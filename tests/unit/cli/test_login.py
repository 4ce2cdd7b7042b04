"""Whatever is wrong with the way to a cluster is said in a sentence."""

from __future__ import annotations

import errno
import io
import os
import socket
import sys
from importlib.metadata import version
from pathlib import Path

import click
import msgspec
import pytest

from cocoon.api.job import InferenceJob
from cocoon.cli import screen
from cocoon.cli.__main__ import GROUP, main
from cocoon.cli.failure import FAILED, FORBIDDEN, UNREACHABLE, USAGE

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


@pytest.mark.parametrize(
    "content", ["", "[]", "{", CONFIG % ("https://127.0.0.1:1", "nothing"), "current-context: x", "a: b"]
)
def test_a_kubeconfig_that_is_none(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    assert main(["why", "j1", "--kubeconfig", str(file)]) == FAILED
    err = capsys.readouterr().err
    assert err.startswith("kubectl cocoon: The kubeconfig can't be ")
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_an_empty_kubeconfig(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config").touch()
    assert main(["status", "--kubeconfig", str(tmp_path / "config")]) == FAILED
    assert "it is empty, or not one" in capsys.readouterr().err


def test_a_plugin_that_logs_in_and_is_not_there(
    tmp_path: Path, nobody: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec_plugin = "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}"
    (tmp_path / "config").write_text((CONFIG % (nobody, "x")).replace("token: t", exec_plugin))
    assert main(["status", "--kubeconfig", str(tmp_path / "config")]) == FORBIDDEN
    err = capsys.readouterr().err
    assert "The kubeconfig's user can't log in: " in err
    assert "no-such-plugin" in err
    assert len(err.splitlines()) == 1


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


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command("long")
    def long() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(GROUP.commands, "long", long)
    assert main(["long"]) == FAILED
    assert "What was asked for can't be read or written: No space left on device." in capsys.readouterr().err


def test_letters_that_the_terminal_does_not_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command("foreign")
    def foreign() -> None:
        click.echo("gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n", file=io.TextIOWrapper(io.BytesIO(), "ascii"))

    monkeypatch.setitem(GROUP.commands, "foreign", foreign)
    assert main(["foreign"]) == FAILED
    assert "write it in UTF-8" in capsys.readouterr().err


def test_a_standard_output_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert screen.painted("x", screen.BAD) == "x"
    assert main(["completion", "bash"]) == 0
    assert capsys.readouterr().err == ""


def test_the_release(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"kubectl cocoon {version('cocoon-fleet')}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["why", ""], "'' is no name for inferencejobs"),
        (["why", "../../nodes"], "is no name for"),
        (["output", "\udcff"], "'\\udcff' is no name for"),
        (["open", "A", "-i", __file__], "'A' is no name for"),
        (["drain", "owners/dc1"], "owners/dc1 names a namespace, too: write dc1 -n owners."),
        (["hold", "a" * 254], "is no name for cocoonproviders"),
        (["earnings", "a/b/c"], "is no name for"),
        (["submit", __file__, "--provider", "/"], "is no name for"),
        (["verify", ""], "name a job, or a file with a receipt"),
    ],
)
def test_names_that_nothing_can_have(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == USAGE
    err = capsys.readouterr().err
    assert said in err
    assert len(err) < 400
