"""Completion, as kubectl asks for it and as shells load it."""

from __future__ import annotations

import pytest

from cocoon.cli.__main__ import GROUP, main
from cocoon.cli.completion import answers


def test_commands_with_their_help() -> None:
    assert answers(GROUP, ["re"]) == [
        "release\ttake our finalizer off a deleted provider",
        "resume\tlet a provider take jobs again",
        ":4",
    ]


def test_options_and_their_values() -> None:
    assert "--check\tExit with status 3 if anything is bad, for scripts and probes." in answers(
        GROUP, ["status", "--c"]
    )
    assert answers(GROUP, ["status", "-o", "j"]) == ["json", ":4"]


def test_files_are_the_shells_business() -> None:
    assert answers(GROUP, ["submit", ""])[-1] == ":0"


def test_names_need_a_cluster_and_are_left_out_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/no/kubeconfig")
    assert answers(GROUP, ["drain", ""]) == [":4"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_KUBECTL_COCOON_COMPLETE" in capsys.readouterr().out
