"""`kubectl cocoon verify` at a prompt: files, folders, policies and exit statuses, on this machine alone."""

from __future__ import annotations

import io
import json
import stat
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from cocoon.api.payout import TransferList
from cocoon.api.trust import Trust
from cocoon.attest.policy import Policy
from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, FAILED, UNDECIDED, USAGE
from cocoon.cli.verifying.own_policy import read_policy
from tests.unit.cli.receipted import ANSWERS, INPUT, Server, Story

TEST = "--allow-test-roots"


class Prompt:
    """A person with a folder of files about one receipt."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.story = Story(int(time.time()) - 600)
        story = self.story
        self.files: dict[str, bytes] = {
            "evidence": story.server.evidence(),
            "job": json.dumps(story.job).encode(),
            "entry": msgspec.json.encode(story.entry()),
            "transfers": msgspec.json.encode(TransferList((story.transfer(),))),
            "neighbours": f"{story.before}\n{story.after}\n".encode(),
            "input": INPUT.encode(),
            "answers": ANSWERS,
        }
        self.receipt = folder / "receipt.jws"
        self.receipt.write_text(story.receipt + "\n")
        self.said = ""

    def run(self, *words: str, without: tuple[str, ...] = (), what: str = "") -> tuple[int, str]:
        """Exit status and standard output; what went to standard error is in `said`."""
        given_files = []
        for name, content in self.files.items():
            path = self.folder / name
            path.write_bytes(content)
            given_files += [] if name in without else [f"--{name}", str(path)]
        self.capsys.readouterr()
        status = main(["verify", what or str(self.receipt), *given_files, *words])
        out, self.said = self.capsys.readouterr()
        assert "Traceback" not in self.said
        return status, out

    def policy(self, text: str) -> tuple[str, str]:
        path = self.folder / "policy.yaml"
        path.write_text(text)
        return "--policy", str(path)


@pytest.fixture
def prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Prompt:
    return Prompt(tmp_path, capsys)


ALL = ("evidence", "job", "entry", "transfers", "neighbours", "input", "answers")


def test_a_true_receipt_and_what_it_rests_on(prompt: Prompt) -> None:
    status, out = prompt.run(TEST)
    assert status == DONE
    assert [line[0] for line in out.splitlines()] == ["✓"] * 13
    assert "trust: Test" in prompt.said
    assert "nothing here proves" in prompt.said


def test_test_roots_are_refused_by_default(prompt: Prompt) -> None:
    status, out = prompt.run()
    assert status == FAILED
    (line,) = [line for line in out.splitlines() if line.startswith("✗")]
    assert "TestRootRefused" in line
    assert prompt.said == (
        "This receipt proves nothing, for these are wrong: evidence. Other lines only repeat what it claims.\n"
    )


def test_json_for_programs(prompt: Prompt) -> None:
    status, out = prompt.run(TEST, "-o", "json", without=("transfers",))
    report = json.loads(out)
    assert status == DONE
    assert (report["holds"], report["trust"], report["job"]) == ("yes", "Test", "tenant/letters")
    assert [line["check"] for line in report["lines"] if line["holds"] == "unknown"] == ["chain"]


def test_without_evidence_nothing_is_decided(prompt: Prompt) -> None:
    assert prompt.run(TEST, without=("evidence",))[0] == UNDECIDED
    assert prompt.said == "Undecided, for these could not be checked: signature, server, evidence.\n"


def test_a_servers_own_receipt_of_another_job(prompt: Prompt) -> None:
    prompt.receipt.write_text(prompt.story.before)
    assert prompt.run(TEST, without=("entry", "transfers", "neighbours"))[0] == FAILED
    assert "a server's own, and these are wrong: job." in prompt.said
    prompt.run(TEST, without=("evidence", "entry", "transfers", "neighbours"))
    assert "nobody's that is known, and these are wrong: job." in prompt.said


def test_strict_wants_every_line(prompt: Prompt) -> None:
    assert prompt.run(TEST, "--strict")[0] == DONE
    assert prompt.run(TEST, "--strict", without=("entry",))[0] == UNDECIDED


@pytest.mark.parametrize("kind", ["job", "yaml", "entry", "pasted", "stdin"])
def test_a_receipt_in_other_clothes(prompt: Prompt, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    story = prompt.story
    contents = {
        "job": json.dumps(story.job),
        "yaml": yaml.safe_dump(story.job),
        "entry": msgspec.json.encode(story.entry()).decode(),
    }
    prompt.receipt.write_text(contents.get(kind, ""))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(story.receipt.encode())))
    what = {"pasted": story.receipt, "stdin": "-"}.get(kind, "")
    assert prompt.run(TEST, what=what)[0] == DONE


def test_what_was_saved_is_enough_later(prompt: Prompt) -> None:
    saved = prompt.folder / "saved"
    assert prompt.run(TEST, "--save", str(saved))[0] == DONE
    assert "verify" in prompt.said
    assert stat.S_IMODE(saved.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in saved.iterdir() if path.is_file()} == {0o600}
    status, out = prompt.run(TEST, what=str(saved), without=ALL)
    assert status == DONE
    assert [line.split()[1] for line in out.splitlines() if line[0] != "✓"] == ["answers"]
    assert "as saved at" in out
    (saved / "saved.json").write_text("{")
    assert prompt.run(TEST, what=str(saved), without=ALL)[0] == FAILED
    assert "saved.json" in prompt.said


@pytest.mark.parametrize("part", ["receipt.jws", "evidence.json", "job.json", "entry.json", "neighbours.txt"])
def test_one_byte_of_what_was_saved(prompt: Prompt, part: str) -> None:
    saved = prompt.folder / "saved"
    prompt.run(TEST, "--save", str(saved))
    raw = bytearray((saved / part).read_bytes())
    digit = next(place for place in range(len(raw) // 2, len(raw)) if chr(raw[place]).isalnum())
    raw[digit] = ord("x") if raw[digit] != ord("x") else ord("y")
    (saved / part).write_bytes(raw)
    assert prompt.run(TEST, what=str(saved), without=ALL)[0] == FAILED


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("trust: Test", DONE, "trust: Test"),
        ("trust: Hardware", FAILED, ""),
        ("policy: {measurements: [{launchMeasurement: ab}]}", FAILED, ""),
        ("trust: Sure", USAGE, "Invalid enum"),
        ("trusted: Test", USAGE, "unknown field"),
        ("policy: {measurement: []}", USAGE, "unknown field"),
        ("policy: {gpu: {minimumDriver: '1'}}", USAGE, "unknown field"),
        ("policy: {measurements: [{mrtd: ab}]}", USAGE, "unknown field"),
        ("policy: {minimumTcbDate: 2026-05-01}", USAGE, "quotes"),
        ("policy: {minimumTcbDate: soon}", USAGE, "soon"),
        ("- a list", USAGE, "object"),
        ("a: *b", USAGE, "alias"),
        ("{", USAGE, "neither JSON nor YAML"),
        ("a: !!bool perhaps", USAGE, "YAML"),
    ],
)
def test_policies(prompt: Prompt, text: str, status: int, told: str) -> None:
    assert prompt.run(TEST, *prompt.policy(text))[0] == status
    assert told in prompt.said


def test_a_policy_that_accepts_test_roots_needs_it_said_twice(prompt: Prompt) -> None:
    assert prompt.run(*prompt.policy("trust: Test"))[0] == USAGE
    assert "--allow-test-roots" in prompt.said


def test_the_strictest_policy_is_the_default() -> None:
    strictest = Policy(require_gpu=True)
    assert read_policy(None, allow_test_roots=False) == strictest
    assert strictest.trust is Trust.HARDWARE
    assert not strictest.allow_test_roots


def test_halves_of_characters_in_a_job(prompt: Prompt) -> None:
    job = json.loads(prompt.files["job"])
    job["status"]["cost"] = "\ud800"
    prompt.files["job"] = json.dumps(job).encode()
    assert prompt.run(TEST)[0] == FAILED
    assert prompt.run(TEST, "-o", "json")[0] == FAILED


def test_evidence_of_another_server(prompt: Prompt) -> None:
    prompt.files["evidence"] = Server(2).evidence(time.time())
    status, out = prompt.run(TEST)
    assert status == FAILED
    assert {line.split()[1] for line in out.splitlines() if line[0] == "✗"} >= {"signature", "server"}


@pytest.mark.parametrize("name", ["job", "entry", "transfers"])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b"{", b'{"kind":"Pod"}', b"[" * 100_000, b"a: &b [*b, *b]"]
)
def test_files_that_hold_something_else(prompt: Prompt, name: str, content: bytes) -> None:
    prompt.files[name] = content
    assert prompt.run(TEST)[0] == FAILED
    assert name in prompt.said


def test_a_file_that_is_not_there(prompt: Prompt) -> None:
    assert prompt.run(TEST, what=str(prompt.folder / "nowhere"))[0] == FAILED
    assert "nowhere" in prompt.said


def test_a_job_without_a_receipt(prompt: Prompt) -> None:
    prompt.receipt.write_text(json.dumps({"kind": "InferenceJob", "status": {}}))
    assert prompt.run(TEST)[0] == FAILED
    assert "no receipt in its status" in prompt.said


@given(content=some.binary() | some.text().map(str.encode), part=some.sampled_from(["receipt", *ALL]))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_end_in_a_traceback(prompt: Prompt, content: bytes, part: str) -> None:
    kept: dict[str, Any] = dict(prompt.files)
    if part == "receipt":
        prompt.receipt.write_bytes(content)
    else:
        prompt.files[part] = content
    try:
        assert prompt.run(TEST)[0] in ((DONE, FAILED) if part == "neighbours" else (FAILED,))
    finally:
        prompt.files = kept
        prompt.receipt.write_text(prompt.story.receipt)


def test_control_characters_of_others_do_not_reach_the_terminal(prompt: Prompt) -> None:
    story = prompt.story
    prompt.receipt.write_text(story.signed(name="\x1b]0;title\x07"))
    _, out = prompt.run(TEST)
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_terminal_that_knows_ascii_only(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(sink, encoding="ascii", errors="backslashreplace"))
    assert main(["verify", prompt.story.receipt, TEST]) == UNDECIDED
    assert sink.getvalue().startswith(b"ok form")
