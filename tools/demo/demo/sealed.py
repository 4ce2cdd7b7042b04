"""A sealed job, as docs/tasks/seal-a-job.md has it: sealed here, opened in an attested runner, its answers opened here.

One of the sentences is random, so that whoever finds it anywhere else has seen the input.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from cocoon.api.sealing import EPOCH_LABEL
from demo import answers, chart, keyring, samples, story, tampering
from demo.checks import Checks
from demo.client import TERMS, Client
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl, condition, until
from demo.screen import Screen
from demo.story import Expected
from demo.verification import OUTPUT_KEY

CHANGED = f"{story.SEALED}-changed"
"""The same job, with one byte of its sealed input changed on its way."""
_PATIENCE = 120.0
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Secret:
    """The plain job, which nobody but the client has, and the sentence in it that is in no other."""

    job: Json
    sentence: str

    @property
    def plain(self) -> str:
        """Its input."""
        return str(self.job["spec"]["input"]["inline"])


def secret(values: Mapping[str, str]) -> Secret:
    """The sample, with a random sentence."""
    job = samples.load(story.SEALED, values)
    sentence = f"Nobody else knows about {secrets.token_hex(16)}."
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [sentence]}
    job["spec"]["input"]["inline"] += json.dumps({"id": "secret", "inputs": [tensor]}) + "\n"
    return Secret(job, sentence)


def run(client: Client, sent: Secret, screen: Screen, checks: Checks) -> Json:
    """Seal it to the provider's keyring, have it done, and open the answers; the finished job."""
    kubectl = client.kubectl
    _forget(kubectl)
    published = _published(kubectl)
    changed = seal(client, sent, CHANGED)
    changed["spec"]["input"]["inline"] = tampering.in_armor(changed["spec"]["input"]["inline"])
    kubectl.apply([changed])
    _submit(client, sent)
    found = {name: _finished(kubectl, name, screen) for name in (story.SEALED, CHANGED)}
    _check_recipient(found[story.SEALED], published, checks)
    evidence = keyring.evidence(client)
    tampering.keyring_evidence(client, _written(client, sent, story.SEALED), evidence, checks)
    _check_changed(found[CHANGED], checks)
    _check_answers(client, sent, found[story.SEALED], checks)
    return found[story.SEALED]


def _forget(kubectl: Kubectl) -> None:
    """What an earlier run left."""
    kubectl("delete", "inferencejob", story.SEALED, CHANGED, "--ignore-not-found", "--wait", "--timeout=60s")
    until(lambda: kubectl.find("configmap", f"{story.SEALED}-output") is None, "the removal of the last answers", 60)


def _published(kubectl: Kubectl) -> Json:
    """Whom to seal to, as the provider's status says."""
    found: list[Json] = []

    def told() -> bool:
        provider = kubectl.find("cocoonprovider", story.PROVIDER) or {}
        found[:] = [provider.get("status", {}).get("keyring") or {}]
        return bool(found[0].get("recipient"))

    advice = f"kubectl -n {OPERATOR} logs statefulset/{chart.KEYRING}"
    until(told, "the provider saying whom to seal to", 60, advice)
    return found[0]


def _written(client: Client, sent: Secret, name: str) -> Path:
    """The plain job of that name in the client's folder."""
    job = sent.job | {"metadata": sent.job["metadata"] | {"name": name}}
    path = client.folder / f"{name}.plain.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False))
    return path


def seal(client: Client, sent: Secret, name: str) -> Json:
    """The job as it is to be applied: `kubectl cocoon seal` prints it. Raises DemoError."""
    plain = _written(client, sent, name)
    text = client.ask("seal", f"--filename={plain}", *_to_the_keyring(client))
    (client.folder / f"{name}.sealed.yaml").write_text(text)
    return dict(yaml.safe_load(text))


def _submit(client: Client, sent: Secret) -> None:
    """Seal it, create it and watch it to its end, in one command. Raises DemoError."""
    plain = _written(client, sent, story.SEALED)
    client.ask("submit", plain, "--seal", *_to_the_keyring(client), "--watch", f"--timeout={_PATIENCE:.0f}")


def _to_the_keyring(client: Client) -> tuple[str, ...]:
    """Options of what seals: to the keyring that the provider names, once its evidence meets the client's terms."""
    own = (f"--terms={TERMS}", f"--identity={client.key}")
    return (*own, f"--provider={story.NAMESPACE}/{story.PROVIDER}", *client.there())


def _check_recipient(job: Json, published: Json, checks: Checks) -> None:
    epoch = job["metadata"]["labels"][EPOCH_LABEL]
    what = f"sealed to epoch {epoch}: the keyring's evidence holds under the client's own terms"
    checks.that(f"{what}, and is the one that the provider names", epoch == published["epoch"], published)


def _finished(kubectl: Kubectl, name: str, screen: Screen) -> Json:
    found: list[Json] = []

    def over() -> bool:
        found[:] = [kubectl.find("inferencejob", name) or {}]
        return found[0].get("status", {}).get("state") in _OVER

    until(over, f"the end of {name}", _PATIENCE, f"kubectl -n {story.NAMESPACE} describe inferencejob {name}")
    screen.say(f"{name:14}  {found[0]['status']['state']}")
    return found[0]


def _check_changed(job: Json, checks: Checks) -> None:
    succeeded = condition(job, "Succeeded")
    refused = job["status"]["state"] == "Failed" and succeeded.get("reason") == "SealedInvalid"
    what = "one byte of a sealed input changed on its way: no runner took it"
    checks.that(what, refused, f"{job['status']['state']}: {succeeded.get('message', '')}")


def _check_answers(client: Client, sent: Secret, job: Json, checks: Checks) -> None:
    kept = sealed_answers(client.kubectl, job)
    armored = kept.startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    checks.that(f"{story.SEALED}: its answers are an age file", armored, kept[:60])
    opened = client.ask("open", story.SEALED, f"--identity={client.key}", *client.there())
    (client.folder / "answers.jsonl").write_text(opened)
    wrong = answers.complaints(sent.plain, opened, Expected(story.SEALED, items=len(sent.plain.splitlines())))
    checks.none(
        f"{story.SEALED}: opened by the client, each of {len(sent.plain.splitlines())} lines is answered", wrong
    )


def sealed_answers(kubectl: Kubectl, job: Json) -> str:
    """As they are in the cluster."""
    found = kubectl.find("configmap", job["status"].get("output", {}).get("configMap", "none"))
    return str((found or {}).get("data", {}).get(OUTPUT_KEY, ""))
