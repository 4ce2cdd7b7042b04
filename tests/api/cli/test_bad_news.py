"""What a cluster can refuse: no kinds of ours, no rights, an API server that goes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.cli.__main__ import main
from cocoon.cli.completion import answers
from cocoon.cli.failure import FORBIDDEN, MISSING, UNREACHABLE
from devcluster import ApiServer
from tests.api.cli.conftest import Site
from tests.scenario import builders

pytestmark = pytest.mark.api
COMMANDS = (["status"], ["why", "j1"], ["drain", "dc1"], ["output", "j1"])


def test_a_cluster_without_our_kinds_and_one_that_goes_away(
    own_api_cluster: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--kubeconfig", str(own_api_cluster.kubeconfig)]
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"inputs":[]}\n')
    for words in (*COMMANDS, ["submit", str(lines), "--model", "minilm"]):
        assert main([*words, *flags]) == MISSING, words
        assert "its definitions (CRDs) are not installed" in capsys.readouterr().err
    own_api_cluster.stop_api()
    for words in COMMANDS:
        assert main([*words, *flags]) == UNREACHABLE, words
        told = capsys.readouterr().err
        assert f"The API server at {own_api_cluster.url} can't be reached" in told
        assert len(told.splitlines()) == 1


def test_somebody_without_rights(site: Site, stranger: Path) -> None:
    for words in COMMANDS:
        answer = site.run(*words, kubeconfig=stranger)
        assert answer.status == FORBIDDEN, words
        assert "You may not do this:" in answer.err
        assert len(answer.err.splitlines()) == 1


def test_a_token_that_nobody_knows(site: Site, stranger: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    forged.write_text(stranger.read_text().replace("token: ", "token: x"))
    answer = site.run("status", kubeconfig=forged)
    assert answer.status == FORBIDDEN
    assert "The API server does not know you (401)." in answer.err


def test_names_are_completed_from_the_cluster(site: Site) -> None:
    from cocoon.cli.__main__ import GROUP  # noqa: PLC0415 - beside main, which shells run

    site.create("cocoonproviders", builders.provider("dc1", ["minilm"]))
    site.create("cocoonproviders", builders.provider("other", ["minilm"]))
    flags = ["--kubeconfig", str(site.kubeconfig), "-n", site.namespace]
    assert answers(GROUP, ["drain", *flags, "d"]) == ["dc1", ":4"]
