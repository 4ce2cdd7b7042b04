"""Looking for a sentence where it must not be: in the API's objects, in logs, and on the disk of its server.

Each search looks for something else as well that is there, so that one which looks in the wrong place is noticed.
"""

import base64
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from demo import story
from demo.checks import Checks
from demo.cluster import DemoCluster
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl

IN_OBJECTS = "The sea was"
"""Of docs/samples/generation.yaml, whose input is not sealed."""
ON_DISK = "cocoon_text_input"
"""Of the model's config.pbtxt."""
_NOT_DISK = ("proc", "sys", "dev")


def search(cluster: DemoCluster, kubectl: Kubectl, job: Json, sentence: str, checks: Checks) -> None:
    """Check that the sentence is nowhere."""
    namespaces = (story.NAMESPACE, OPERATOR)
    texts = [objects(kubectl.within(namespace)) for namespace in namespaces]
    _check(
        "in all objects of both namespaces, Events and ConfigMaps too",
        found_in(texts, sentence),
        IN_OBJECTS in texts[0],
        checks,
    )
    server = str(job["status"]["binding"]["server"].rpartition("/")[2])
    pods = [(kubectl, server), *((kubectl.within(OPERATOR), name) for name in _pods(kubectl.within(OPERATOR)))]
    logs = {name: there("logs", name, "--all-containers", "--tail=-1") for there, name in pods}
    _check(f"in the logs of {len(logs)} Pods", found_in(logs.values(), sentence), all(logs.values()), checks)
    for what, places, known in (
        ("in etcd's files", [cluster.state.root / "etcd"], IN_OBJECTS),
        (f"on the disk of {server}'s containers", _files(cluster, kubectl, server), ON_DISK),
    ):
        found = grep(places, [*spellings(sentence), known])
        _check(what, bool(found & set(spellings(sentence))), known in found, checks)


def _check(where: str, found: bool, able: bool, checks: Checks) -> None:  # noqa: FBT001 - two answers to two questions
    checks.that(f"the sentence is not {where}", able and not found, "it is" if found else "what is there is not found")


def found_in(texts: Iterable[str], sentence: str) -> bool:
    """Whether any of the texts holds it."""
    return any(spelling in text for text in texts for spelling in spellings(sentence))


def spellings(sentence: str) -> tuple[str, ...]:
    """As it is, and in base64 wherever it begins."""
    raw = sentence.encode()
    shifted = (base64.b64encode(b"\0" * shift + raw).decode()[4 if shift else 0 :] for shift in range(3))
    return (sentence, *(text[: (len(text) - 4) // 4 * 4] for text in shifted))


def objects(kubectl: Kubectl) -> str:
    """All objects of the namespace, of every kind that can be listed, as JSON."""
    kinds = kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    listed = json.loads(kubectl("get", ",".join(kinds), "--output=json"))["items"]
    return json.dumps(listed, ensure_ascii=False)


def grep(places: Iterable[Path], words: Iterable[str]) -> set[str]:
    """Which of the words are in any file there."""
    patterns = [f"--regexp={word}" for word in words]
    options = ("--recursive", "--only-matching", "--text", "--no-filename", "--fixed-strings", "--devices=skip")
    command: list[str | Path] = [
        "grep",
        *options,
        "--no-messages",
        *patterns,
        "--",
        *places,
    ]  # files come and go while it looks
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return set(done.stdout.decode(errors="replace").splitlines())


def _pods(kubectl: Kubectl) -> list[str]:
    """Those of the chart."""
    return [each["metadata"]["name"] for each in kubectl.every("pod", "app.kubernetes.io/part-of=cocoon-fleet")]


def _files(cluster: DemoCluster, kubectl: Kubectl, pod: str) -> list[Path]:
    """The top of what the Pod's containers see on disk, and the volumes that kubelet keeps for it.

    What is in memory is left out: the TEE protects that, and a model that works on a text has it there.
    """
    found = kubectl.find("pod", pod) or {}
    statuses = [*found["status"]["containerStatuses"], *found["status"].get("initContainerStatuses", [])]
    processes = cluster.processes([each["containerID"].rpartition("/")[2] for each in statuses])
    tops = [top for process in processes for top in _tops(process)]
    volumes = (cluster.state.root / "kubelet" / "pods" / found["metadata"]["uid"] / "volumes").glob("*/*")
    memory = in_memory(Path("/proc/self/mounts").read_text())
    return [*tops, *(volume for volume in volumes if volume not in memory)]


def _tops(process: int) -> list[Path]:
    """Folders in the root of a container, by its first process."""
    root = Path(f"/proc/{process}/root")
    memory = in_memory(Path(f"/proc/{process}/mounts").read_text())
    wanted = [top for top in root.iterdir() if top.name not in _NOT_DISK and not top.is_symlink()]
    return [top for top in wanted if Path("/") / top.name not in memory]


def in_memory(mounts: str) -> set[Path]:
    """Where a file system in memory is mounted, of the lines of /proc/PID/mounts."""
    rows = [line.split() for line in mounts.splitlines()]
    return {Path(row[1]) for row in rows if row[2] == "tmpfs"}
