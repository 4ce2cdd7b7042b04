"""The demo's client, whose `kubectl cocoon` must find kubectl on a machine that has none of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from demo.client import Client
from demo.errors import DemoError
from demo.kubectl import Kubectl

KUBECTL = Kubectl(Path("/built/kubectl"), Path("config"), "n")


def test_the_command_line_takes_the_demos_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "python"
    told.write_text('#!/bin/sh\necho "$KUBECTL" "$@"\n')
    told.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(told))
    assert Client(KUBECTL, tmp_path).ask("status", *Client(KUBECTL, tmp_path).there()) == (
        "/built/kubectl -m cocoon.cli status --kubeconfig=config --namespace=n\n"
    )


def test_what_a_command_could_not_do_is_said(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"`kubectl cocoon digest` failed: .* holds no config\.pbtxt"):
        Client(KUBECTL, tmp_path).ask("digest", tmp_path)
