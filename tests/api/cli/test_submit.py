"""Jobs from files, watched to their end, and their answers: a real API server, and somebody who plays the operator."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cocoon.cli.failure import BAD_NEWS, DONE, FAILED, MISSING, NOT_YET, USAGE
from devcluster.kube import until
from tests.api.cli.conftest import Site

pytestmark = pytest.mark.api
JOBS = "inferencejobs"
LINES = '{"id":"a","inputs":[]}\n{"id":"b","inputs":[]}\n'
MANIFEST = """
apiVersion: cocoonfleet.io/v1alpha1
kind: InferenceJob
metadata: {name: %s}
spec:
  model: minilm
  input: {inline: '{"id":"a","inputs":[]}'}
  output: {configMap: {}}
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    file = tmp_path / "My questions.jsonl"
    file.write_text(LINES)
    return file


def names(site: Site) -> list[str]:
    return [item["metadata"]["name"] for item in site.kube.call("GET", site.objects.path(JOBS))["items"]]


def finish(site: Site, name: str, state: str = "Succeeded", output: dict[str, Any] | None = None) -> None:
    """End a job as the operator would."""
    truth = "True" if state == "Succeeded" else "False"
    at = "2026-01-01T00:00:00Z"
    ended = {
        "type": "Succeeded",
        "status": truth,
        "reason": "InputUnavailable",
        "message": "404.",
        "lastTransitionTime": at,
    }
    status = {"state": state, "conditions": [ended], "usage": {"items": 2}, "cost": "1500000000", "completionTime": at}
    site.say(JOBS, name, status | ({"output": output} if output else {}))


@pytest.fixture
def operator(site: Site) -> Iterator[list[str]]:
    """Ends each job of the namespace as its name says, until the test is over."""
    over = threading.Event()
    ended: list[str] = []

    def work() -> None:
        while not over.wait(0.05):
            for name in set(names(site)) - set(ended):
                ended.append(name)  # first: whoever watches the job may look here the moment it is over
                finish(site, name, "Failed" if name.startswith("bad") else "Succeeded")

    working = threading.Thread(target=work)
    working.start()
    yield ended
    over.set()
    working.join()


def test_json_lines_become_a_job(site: Site, lines: Path) -> None:
    flags = (
        "--model",
        "minilm",
        "--budget",
        "0.5TON",
        "--maximum-price",
        "2TON",
        "--parallelism",
        "2",
        "--trust",
        "Test",
    )
    answer = site.run("submit", str(lines), *flags, "--provider", "dc1", "--provider", "other/dc2")
    assert answer.status == DONE, answer.err
    [name] = names(site)
    assert name.startswith("my-questions-")
    assert answer.out == f"Created {site.namespace}/{name}.\n"
    spec = site.objects.get(JOBS, name)["spec"]
    assert (spec["model"], spec["input"], spec["budget"]) == ("minilm", {"inline": LINES, "sealed": False}, "500000000")
    assert (spec["maximumPrice"], spec["parallelism"]) == ({"perMillionItems": "2000000000"}, 2)
    assert spec["providers"] == [{"name": "dc1"}, {"name": "dc2", "namespace": "other"}]


def test_big_inputs_go_by_address(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "big.jsonl"
    file.write_text(LINES * 1000)
    assert "put it where runners can fetch it" in site.run("submit", str(file), "--model", "minilm").err
    where = ("--input-uri", "https://store.example/in", "--output-uri", "https://store.example/out?signature=s")
    answer = site.run("submit", str(file), "--model", "minilm", *where, "-o", "json")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert json.loads(answer.out)["spec"]["input"] == {"uri": where[1], "sha256": digest, "sealed": False}


def test_manifests_as_they_are(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(MANIFEST % "one" + "---" + MANIFEST % "two")
    answer = site.run("submit", str(file), "-o", "name", "--priority", "5")
    assert answer.out.split() == ["inferencejob.cocoonfleet.io/one", "inferencejob.cocoonfleet.io/two"]
    assert site.objects.get(JOBS, "two")["spec"]["priority"] == 5
    again = site.run("submit", str(file))
    assert again.status == FAILED
    assert f"InferenceJob {site.namespace}/one exists already: choose another name, or delete that one." in again.err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"id":"a","inputs":[]}\nnonsense\n', "line 2 is no JSON"),
        ("a.jsonl", '{"id":"a","inputs":[]}\n\n{"id":"b","inputs":[]}\n', "line 2 is empty: every line is an item"),
        ("a.jsonl", '\ufeff{"id":"a","inputs":[]}\n', "begins with a byte-order mark"),
        ("a.jsonl", '{"prompt":"a"}\n', "line 1 is no inference request"),
        ("a.jsonl", "\n", "holds no line"),
        (
            "a.yaml",
            "kind: Pod\napiVersion: v1\n",
            "holds something else than cocoonfleet.io/v1alpha1 InferenceJob: v1 Pod",
        ),
        ("a.yaml", "a: [", "is no YAML"),
        ("a.yaml", "", "holds no job"),
        ("a.yaml", (MANIFEST % "a").replace("model: minilm", "model: Mini_LM"), "spec.model: "),
        (
            "a.yaml",
            (MANIFEST % "a").replace("model: minilm", "model: minilm\n  modle: x"),
            'is refused: unknown field "spec.modle".',
        ),
    ],
)
def test_bad_files_are_named_with_what_is_wrong(site: Site, tmp_path: Path, name: str, content: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    answer = site.run("submit", str(file), *(("--model", "minilm") if name.endswith("l") and "jsonl" in name else ()))
    assert answer.status == FAILED
    assert said in answer.err
    assert names(site) == []


def test_bad_options(site: Site, lines: Path) -> None:
    assert "say which model answers them, with --model" in site.run("submit", str(lines)).err
    budget = site.run("submit", str(lines), "--model", "minilm", "--budget", "1,5")
    assert "--budget: '1,5' is not a whole number of nanoTON" in budget.err
    assert budget.status == site.run("submit", str(lines)).status == USAGE


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_a_time_that_does_not_end(site: Site, lines: Path, seconds: str) -> None:
    for command in (["submit", str(lines), "--model", "minilm", "--watch"], ["output", "j1"], ["drain", "dc1"]):
        assert site.run(*command, "--timeout", seconds).status == USAGE
    assert names(site) == []


def test_a_name_that_is_too_long_is_refused_by_the_rules_own_words(site: Site, lines: Path) -> None:
    answer = site.run("submit", str(lines), "--model", "minilm", "--name", "a" * 64)
    assert answer.status == FAILED
    assert "is refused: the name of an InferenceJob has at most 63 characters; choose a shorter one." in answer.err


def test_a_namespace_that_is_not_there(site: Site, lines: Path) -> None:
    nowhere = Site(site.kube, "nowhere", site.kubeconfig, site.capsys)
    answer = nowhere.run("submit", str(lines), "--model", "minilm")
    assert answer.status == MISSING
    assert "There is no namespace nowhere. See which there are: kubectl get namespaces." in answer.err


def test_created_objects_are_shown_as_kubectl_shows_them(site: Site, lines: Path) -> None:
    created = json.loads(site.run("submit", str(lines), "--model", "minilm", "-o", "json").out)
    assert created["metadata"]["uid"]
    assert "managedFields" not in created["metadata"]


def test_watching_a_job_to_its_end(site: Site, lines: Path, operator: list[str]) -> None:
    answer = site.run("submit", str(lines), "--model", "minilm", "--watch", "--name", "good")
    assert answer.status == DONE
    assert f"{site.namespace}/good: Succeeded: 2 items answered, 0 failed, for 1.5 TON." in answer.err
    assert operator == ["good"]


def test_a_job_that_fails_is_bad_news(site: Site, tmp_path: Path, operator: list[str]) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(MANIFEST % "good" + "---" + MANIFEST % "bad")
    answer = site.run("submit", str(file), "--watch")
    assert answer.status == BAD_NEWS
    assert f"{site.namespace}/bad: Failed: InputUnavailable: 404." in answer.err


def test_a_job_that_takes_too_long(site: Site, lines: Path) -> None:
    answer = site.run("submit", str(lines), "--model", "minilm", "--watch", "--timeout", "0.3")
    assert answer.status == NOT_YET
    assert "1 job is not over after 0.3 s; it goes on." in answer.err


def test_whoever_watches_sees_for_what_a_job_waits_and_no_more_often(site: Site, lines: Path) -> None:
    def explain() -> None:
        until(lambda: "waits" in names(site), "the job")
        for reason, message in (("NoOffer", "First."), ("NoOffer", "Second."), ("NoFreeSlots", "Third.")):
            said = {"type": "Bound", "status": "False", "reason": reason, "message": message}
            told = said | {"lastTransitionTime": "2026-11-23T22:00:00Z", "observedGeneration": 1}
            site.say(JOBS, "waits", {"state": "Pending", "conditions": [told]})
        finish(site, "waits", "Failed")

    explaining = threading.Thread(target=explain)
    explaining.start()
    answer = site.run("submit", str(lines), "--model", "minilm", "--watch", "--name", "waits", "--timeout", "60")
    explaining.join()
    assert answer.status == BAD_NEWS
    assert f"{site.namespace}/waits: Pending: NoOffer: " in answer.err
    assert f"{site.namespace}/waits: Pending: NoFreeSlots: Third." in answer.err
    assert answer.err.count("NoOffer") == 1


def test_a_job_that_is_deleted_while_it_is_watched(site: Site, lines: Path) -> None:
    def delete() -> None:
        until(lambda: "gone" in names(site), "the job")
        site.kube.call("DELETE", site.objects.path(JOBS, "gone"))

    deleting = threading.Thread(target=delete)
    deleting.start()
    answer = site.run("submit", str(lines), "--model", "minilm", "--watch", "--name", "gone", "--timeout", "60")
    deleting.join()
    assert answer.status == MISSING


def store(site: Site, text: str, digest_of: str) -> None:
    """A finished job `j1` with its output ConfigMap."""
    file = {"metadata": {"name": "j1-output"}, "data": {"output.jsonl": text}}
    site.kube.call("POST", f"/api/v1/namespaces/{site.namespace}/configmaps", file)
    digest = hashlib.sha256(digest_of.encode()).hexdigest()
    finish(site, "j1", output={"configMap": "j1-output", "sha256": digest, "bytes": len(text)})


@pytest.fixture
def job(site: Site, lines: Path) -> str:
    assert site.run("submit", str(lines), "--model", "minilm", "--name", "j1").status == DONE
    return "j1"


def test_answers_are_printed_as_they_are(site: Site, job: str, tmp_path: Path) -> None:
    text = '{"id":"a","outputs":[]}\n{"id":"b","outputs":[]}\n'
    store(site, text, text)
    assert site.run("output", job).out == text
    file = tmp_path / "answers.jsonl"
    assert site.run("output", job, "--to", str(file)).out == ""
    assert file.read_text() == text


def test_answers_that_somebody_changed(site: Site, job: str) -> None:
    store(site, "forged", "true")
    answer = site.run("output", job)
    assert (answer.status, answer.out) == (FAILED, "")
    assert "is not what the job wrote" in answer.err


def test_answers_elsewhere(site: Site, job: str) -> None:
    finish(site, job, output={"uri": "https://store.example/out", "sha256": "ab" * 32, "bytes": 7})
    assert site.run("output", job).out == "https://store.example/out\n"


def test_a_job_without_answers(site: Site, job: str) -> None:
    assert site.run("output", job).status == NOT_YET
    said = {"type": "Bound", "status": "False", "reason": "NoOffer", "message": "Ask for less."}
    told = said | {"lastTransitionTime": "2026-11-23T22:00:00Z", "observedGeneration": 1}
    site.say(JOBS, job, {"state": "Pending", "conditions": [told]})
    assert "j1 is not over: Pending: NoOffer: Ask for less. Wait for it with --wait." in site.run("output", job).err
    assert site.run("output", job, "--wait", "--timeout", "0.3").status == NOT_YET
    finish(site, job, "Failed")
    answer = site.run("output", job)
    assert answer.status == BAD_NEWS
    assert "j1: Failed: InputUnavailable: 404." in answer.err


def test_waiting_for_answers(site: Site, job: str, operator: list[str]) -> None:
    assert site.run("output", job, "--wait", "--timeout", "60").status == MISSING
    assert operator == [job]
