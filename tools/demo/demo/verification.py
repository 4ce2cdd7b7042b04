"""Everything that came out, checked against what the samples promise and against the receipts."""

from collections.abc import Mapping

from demo import answers, chart, lines, receipts, samples, storage, story
from demo.checks import Checks
from demo.errors import DemoError
from demo.kubectl import Json, Kubectl, condition
from demo.receipts import Verified
from demo.story import Expected
from devcluster.s3 import Store

OUTPUT_KEY = "output.jsonl"


def verify(
    kubectl: Kubectl, jobs: Mapping[str, Json], store: Store, checks: Checks
) -> tuple[dict[str, bool], dict[str, Verified]]:
    """Check all jobs; whether each finished job's receipt holds, and the receipts that evidence vouches for."""
    verified: dict[str, Verified] = {}
    good = {}
    for expected in story.SUCCEEDING:
        job = jobs[expected.job]
        if _succeeded(job, expected, checks):
            text = _answers(kubectl, store, job)
            _check_answers(job, text, expected, checks)
            good[expected.job] = check_receipt(kubectl, job, text, verified, checks)
    _check_waiting(jobs[story.WAITING], checks)
    checks.none("the receipts of each server form an unbroken chain", receipts.broken_chains(list(verified.values())))
    return good, verified


def _succeeded(job: Json, expected: Expected, checks: Checks) -> bool:
    status, name = job["status"], expected.job
    why_not = condition(job, "Succeeded").get("message", status.get("state"))
    if not checks.that(f"{name} succeeded", status.get("state") == "Succeeded", why_not):
        return False
    usage = status.get("usage", {})
    counted = (usage.get("items", 0), usage.get("failedItems", 0))
    promised = (expected.answered, len(expected.broken))
    checks.that(f"{name}: {promised[0]} items billed, {promised[1]} refused", counted == promised, counted)
    if expected.tokens:
        tokens = (usage.get("promptTokens", 0), usage.get("completionTokens", 0))
        checks.that(f"{name}: {tokens[0]} prompt and {tokens[1]} completion tokens counted", min(tokens) > 0, tokens)
    return True


def _answers(kubectl: Kubectl, store: Store, job: Json) -> str:
    """Fetch a job's answers and leave them in build/demo."""
    place = job["status"].get("output", {})
    if "configMap" in place:
        found = kubectl.find("configmap", place["configMap"])
        text = str((found or {}).get("data", {}).get(OUTPUT_KEY, ""))
    else:
        text = storage.answers(store)
    answers.keep(job["metadata"]["name"], text)
    return text


def asked(job: Json) -> str:
    """A job's input as the runner got it."""
    return str(job["spec"]["input"].get("inline") or lines.embedding_items())


def _check_answers(job: Json, text: str, expected: Expected, checks: Checks) -> None:
    wrong = answers.complaints(asked(job), text, expected)
    checks.none(f"{expected.job}: each of {expected.items} lines has exactly one answer, in its place", wrong)


def check_receipt(kubectl: Kubectl, job: Json, text: str, verified: dict[str, Verified], checks: Checks) -> bool:
    """Whether the job's receipt is true, noted in `verified` if so; `text` are the answers as the job wrote them."""
    name, status = job["metadata"]["name"], job["status"]
    try:
        found = receipts.open_with_evidence(status["receipt"], lambda digest: chart.evidence(kubectl, digest))
    except (DemoError, KeyError) as error:
        return checks.that(f"{name}: its receipt is signed by a key that evidence names", False, error)  # noqa: FBT003 - it reads so
    verified[name] = found
    checks.that(f"{name}: its receipt is signed by a key that evidence names", True)  # noqa: FBT003 - it reads so
    wrong = [*receipts.complaints(found), *_contradictions(job, text, found)]
    return checks.none(f"{name}: the receipt says the same as the job, its input and its answers", wrong)


def _contradictions(job: Json, text: str, found: Verified) -> list[str]:
    """Where receipt and job differ; empty if nowhere."""
    claims, status, meta = found.claims, job["status"], job["metadata"]
    model = next(each for each in samples.models() if each["name"] == job["spec"]["model"])
    same = {
        "uid": (claims.sub.rpartition("/")[2], meta["uid"]),
        "name": ((claims.namespace, claims.name), (meta["namespace"], meta["name"])),
        "outcome": (claims.outcome, "Succeeded"),
        "attempt": (claims.attempt, status["binding"]["attempt"]),
        "model": (claims.model.name, model["name"]),
        "input": (claims.input_sha256, answers.digest(asked(job))),
        "output": (claims.output_sha256, answers.digest(text)),
        "items": (claims.usage.items, status["usage"].get("items", 0)),
        "failed items": (claims.usage.failed_items, status["usage"].get("failedItems", 0)),
        "tokens": (claims.usage.completion_tokens, status["usage"].get("completionTokens", 0)),
        "price": (claims.price.rates(), _rates(model["price"])),
        "cost": (claims.cost, status["cost"]),
        "budget": (claims.budget, job["spec"]["budget"]),
    }
    return [
        f"{what}: {ours!r} in the receipt, {theirs!r} expected"
        for what, (ours, theirs) in same.items()
        if ours != theirs
    ]


def _rates(price: Json) -> tuple[int, ...]:
    names = ("perMillionItems", "perMillionPromptTokens", "perMillionCompletionTokens")
    return tuple(int(price.get(name, "0")) for name in names)


def _check_waiting(job: Json, checks: Checks) -> None:
    state, bound = job.get("status", {}).get("state", "Pending"), condition(job, "Bound")
    message = bound.get("message", "")
    told = state == "Pending" and bound.get("status") == "False" and "price" in message
    checks.that(f"{story.WAITING} waits, and says why: {message}", told, f"{state}, {bound.get('status')}")
