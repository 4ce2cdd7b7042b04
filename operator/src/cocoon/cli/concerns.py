"""What needs attention in a fleet, the most urgent first, each with what to do about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from cocoon.api.conditions import Condition
from cocoon.api.counted import counted
from cocoon.api.provider import CocoonProvider
from cocoon.api.times import Instant, parse_time
from cocoon.cli.ages import age, span
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Server

Urgency = Literal["Bad", "Doubtful"]
#: A job that waits for longer than this is worth a look.
LONG: Final = 600.0
#: Failures of jobs that are older are no news.
RECENTLY: Final = 86_400.0

_NOT_NEWS: Final = frozenset((reasons.NO_PAYOUT_SERVICE, reasons.NO_SERVERS))
#: Nobody knows whether owners are paid: that is not False, and worse than most of what is.
_NO_PAYOUTS: Final = frozenset((reasons.PAYOUT_UNREACHABLE, reasons.PAYOUT_FAILING))
_DOUBTFUL: Final = frozenset((reasons.UP_TO_DATE, reasons.CAPACITY_AVAILABLE))


class Concern(Struct, frozen=True):
    """One thing: of what (`namespace/name`), a reason in CamelCase and a sentence."""

    urgency: Urgency
    about: str
    reason: str
    message: str


def concerns(
    providers: Iterable[CocoonProvider], servers: Iterable[Server], jobs: Sequence[Mapping[str, str]], now: Instant
) -> tuple[Concern, ...]:
    """Everything, bad things first, else in the order of the objects' names."""
    every = list(providers)
    found = [concern for provider in every for concern in _of_provider(provider, now)]
    found += [*_of_payouts(every), *_of_servers(servers), *_of_jobs(jobs, now)]
    return tuple(sorted(found, key=lambda concern: (concern.urgency != "Bad", concern.about)))


def _of_provider(provider: CocoonProvider, now: Instant) -> Iterator[Concern]:
    meta, status = provider.metadata, provider.status
    about = f"{meta.namespace}/{meta.name}"
    if meta.deletion_timestamp:
        left = status.servers.total if status.servers else 0
        let_go = f"kubectl cocoon release {meta.name} -n {meta.namespace} --force"
        servers = counted(left, "server is", "servers are")
        began = f"Its deletion began {age(meta.deletion_timestamp, now)} ago, and {servers} left"
        message = f"{began}. If their nodes are gone for good: {let_go}"
        yield Concern("Doubtful", about, "Deleting", message)
        return
    if status.observed_generation < meta.generation:
        message = (
            "The operator has not looked at the newest spec. If that lasts, see whether it runs: kubectl get lease -A."
        )
        yield Concern("Doubtful", about, "NotSeen", message)
    if provider.spec.operation != "Serve":
        message = f"spec.operation is {provider.spec.operation}: kubectl cocoon resume {meta.name} -n {meta.namespace}."
        yield Concern("Doubtful", about, "NotServing", message)
    said: set[str] = set()
    for condition in status.conditions:
        if condition.status == "False" and _is_news(condition) and condition.message not in said:
            said.add(condition.message)
            urgency: Urgency = "Doubtful" if condition.type in _DOUBTFUL else "Bad"
            yield Concern(urgency, about, condition.reason, condition.message)


def _of_payouts(providers: Sequence[CocoonProvider]) -> Iterator[Concern]:
    """A payout service that can't be asked, can't work or is not for us to read: one line for all that say the same."""
    troubles: dict[tuple[str, str], list[str]] = defaultdict(list)
    for provider in providers:
        for condition in provider.status.conditions:
            if condition.status == "Unknown" and condition.reason in {*_NO_PAYOUTS, reasons.EARNINGS_UNREAD}:
                name = f"{provider.metadata.namespace}/{provider.metadata.name}"
                troubles[condition.reason, condition.message].append(name)
    for (reason, message), names in sorted(troubles.items()):
        if reason in _NO_PAYOUTS:
            whom = "Payouts don't work" + (f" for {len(names)} providers" if len(names) > 1 else "")
            yield Concern("Bad", min(names), reason, f"{whom}. {message}")
        else:
            yield Concern("Doubtful", min(names), reason, message)


def _is_news(condition: Condition) -> bool:
    return condition.reason not in _NOT_NEWS and condition.reason not in (reasons.HOLDING, reasons.ROLLING_OUT)


def _of_servers(servers: Iterable[Server]) -> Iterator[Concern]:
    """Servers that can't start or are not trusted, those of one provider with the same trouble together."""
    troubles: dict[tuple[str, str], list[str]] = defaultdict(list)
    for server in servers:
        trouble = "" if server.deleting or server.ended else server.waiting or server.unschedulable or _distrust(server)
        if trouble:
            troubles[server.provider, trouble].append(server.key)
    for (provider, trouble), keys in sorted(troubles.items()):
        which = keys[0] if len(keys) == 1 else f"{len(keys)} servers, such as {keys[0]}"
        yield Concern("Doubtful", provider, "ServerInTrouble", f"{which}: {trouble}")


def _distrust(server: Server) -> str:
    gate = server.attested
    if gate is None or gate.status != "False" or not server.running:
        return ""
    return f"not attested: {gate.reason}: {gate.message}"


def _of_jobs(jobs: Sequence[Mapping[str, str]], now: Instant) -> Iterator[Concern]:
    failed = [job for job in jobs if job.get("State") == "Failed" and _seconds_since(job["Created"], now) < RECENTLY]
    pending = [job for job in jobs if job.get("State") in ("Pending", "")]
    waiting = [job for job in pending if _seconds_since(job["Created"], now) > LONG]
    if failed:
        newest = max(failed, key=lambda job: job["Created"])
        message = f"{counted(len(failed), 'job')} of the last day failed; the newest: {_why(newest)}"
        yield Concern("Doubtful", _key(newest), "JobsFailed", message)
    if waiting:
        oldest = min(waiting, key=lambda job: job["Created"])
        how_long = span(_seconds_since(oldest["Created"], now))
        wait = counted(len(waiting), "job waits", "jobs wait")
        message = f"{wait} for more than {span(LONG)}, the first for {how_long}: {_why(oldest)}"
        yield Concern("Doubtful", _key(oldest), "JobsWaiting", message)


def _key(job: Mapping[str, str]) -> str:
    return f"{job['Namespace']}/{job['Name']}"


def _why(job: Mapping[str, str]) -> str:
    return f"kubectl cocoon why {job['Name']} -n {job['Namespace']}"


def _seconds_since(text: str | None, now: Instant) -> float:
    try:
        return now - parse_time(text) if text else 0.0
    except ValueError:
        return 0.0
