"""Whether a run was right: speed counts for nothing if a job was lost, done twice or given to a full server."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from cocoon.attest import receipts
from devcluster.kube import Kube
from tests.bench.manifests import JOBS, Json
from tests.bench.stub_runner import Observed
from tests.bench.workload import SLOTS

_PAGE = 500


def all_jobs(kube: Kube) -> Iterator[Json]:
    """Every job in the cluster, page by page."""
    path = f"{JOBS}?limit={_PAGE}"
    while path:
        page = kube.call("GET", path)
        yield from page["items"]
        follow = page["metadata"].get("continue")
        path = f"{JOBS}?limit={_PAGE}&continue={follow}" if follow else ""


def wrongs(kube: Kube, observed: Observed, expected: int) -> list[str]:
    """Everything that is not as it must be after a run of `expected` jobs; empty if all is well."""
    keys = {receipts.thumbprint(key): key for key in observed.receipt_keys}
    wrong: list[str] = []
    by_key: dict[str, list[tuple[int, str]]] = defaultdict(list)
    count = 0
    for job in all_jobs(kube):
        count += 1
        status = job.get("status", {})
        if status.get("state") != "Succeeded":
            wrong.append(f"{job['metadata']['name']} is {status.get('state')}: {status.get('conditions')}")
            continue
        wrong += _wrongs_of_receipt(job, keys, by_key)
    if count != expected:
        wrong.append(f"There are {count} jobs instead of {expected}.")
    for thumbprint, found in by_key.items():
        wrong += receipts.check_chain([receipt for _, receipt in sorted(found)], keys[thumbprint])
    return wrong + _wrongs_of_attempts(observed, expected)


def _wrongs_of_receipt(job: Json, keys: dict[str, bytes], by_key: dict[str, list[tuple[int, str]]]) -> list[str]:
    name, uid, receipt = job["metadata"]["name"], job["metadata"]["uid"], job["status"].get("receipt", "")
    issuer = _issuer(receipt)
    try:
        claims = receipts.open_receipt(receipt, keys[issuer])
    except (KeyError, ValueError) as error:
        return [f"{name} has no receipt of a server's: {error!r}"]
    by_key[issuer].append((claims.seq, receipt))
    right = claims.sub.endswith(f"/{uid}") and claims.usage.items == job["spec"]["parallelism"]
    return [] if right else [f"{name}'s receipt is not of its work: {claims}"]


def _issuer(receipt: str) -> str:
    """Whose receipt it says that it is; its signature is checked by the caller."""
    try:
        body = receipt.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["iss"])
    except (IndexError, KeyError, ValueError):
        return ""


def _wrongs_of_attempts(observed: Observed, expected: int) -> list[str]:
    tries = Counter(timing.name for timing in observed.timings)
    wrong = [f"{name} was started {count} times." for name, count in tries.items() if count > 1]
    if len(tries) != expected:
        wrong.append(f"{len(tries)} jobs were started instead of {expected}.")
    if observed.most_slots > SLOTS:
        wrong.append(f"A server of {SLOTS} slots had {observed.most_slots} taken at once.")
    return wrong
