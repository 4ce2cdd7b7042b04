"""`kubectl cocoon status`: one screen of the fleet, what needs attention first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import click

from cocoon.api.counted import counted
from cocoon.api.resources import JOB, POD, PROVIDER, Manifest
from cocoon.cli import screen
from cocoon.cli.amounts import in_ton
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.concerns import Concern, concerns
from cocoon.cli.failure import BAD_NEWS, Forbidden
from cocoon.cli.fleet_report import (
    ModelLine,
    ProviderLine,
    Report,
    count_jobs,
    model_lines,
    of_test_roots,
    provider_line,
    provider_of,
)
from cocoon.cli.options import Reach, on_cluster, output_format
from cocoon.cli.sight import OUR_PODS
from cocoon.fleet.observe.pod import server
from cocoon.fleet.observe.reading import Unreadable
from cocoon.fleet.plan.records import Server

#: Rows of a table: more are not for one screen.
_MOST: Final = 12
_TINTS: Final = {"True": screen.GOOD, "False": screen.BAD, "Unknown": screen.DOUBTFUL}


@click.command("status", short_help="one screen of the fleet")
@output_format("wide", "json", "yaml")
@click.option("--check", is_flag=True, help="Exit with status 3 if anything is bad, for scripts and probes.")
@on_cluster
def command(reach: Reach, output: str | None, *, check: bool) -> int:
    """Show the fleet on one screen: what needs attention, providers, models and jobs.

    Of many, those come first that are not ready or that jobs wait for, and -o wide has all.

    It is of all namespaces, or of the one that -n names. It shows what the operator has written down; earnings are as
    the operator last read them from the payout service (`kubectl cocoon earnings` asks it).
    """
    report = asyncio.run(_report(reach))
    if output in ("json", "yaml"):
        screen.show(report, output)
    else:
        show_report(report, wide=output == "wide", namespace=reach.namespace)
    return BAD_NEWS if check and any(concern.urgency == "Bad" for concern in report.concerns) else 0


async def _report(reach: Reach) -> Report:
    async with connected(reach) as cluster:
        try:
            bodies, jobs, pods = await _read(cluster, reach.namespace)
        except Forbidden:
            if reach.namespace:
                raise
            screen.note(f"You may not see all namespaces: this is of {cluster.namespace} alone.")
            bodies, jobs, pods = await _read(cluster, cluster.namespace)
    providers = [provider for body in bodies if (provider := provider_of(body)) is not None]
    if len(providers) < len(bodies):
        strange = counted(len(bodies) - len(providers), "provider is", "providers are")
        screen.note(f"{strange} of another release and not shown.")
    found = concerns(providers, _servers(pods), jobs, time.time())
    return Report(tuple(map(provider_line, providers)), model_lines(providers, jobs), count_jobs(jobs), found)


async def _read(cluster: Cluster, namespace: str | None) -> tuple[list[Manifest], list[dict[str, str]], list[Manifest]]:
    return (
        await cluster.items(PROVIDER, namespace),
        await cluster.rows(JOB, namespace),
        await cluster.items(POD, namespace, labelSelector=OUR_PODS),
    )


def _servers(pods: Sequence[Manifest]) -> list[Server]:
    found = []
    for pod in pods:
        try:
            found.append(server(pod))
        except Unreadable:
            continue  # labelled like a server, but no provider's
    return found


def show_report(report: Report, *, wide: bool, namespace: str | None = None) -> None:
    """On standard output; all rows if `wide`, else as many as fit on a screen."""
    if not report.providers and not sum(report.jobs.values()):
        here = f"in namespace {namespace}. See all: kubectl cocoon status" if namespace else "yet"
        screen.note(f"There are no providers and no jobs {here}. Create a CocoonProvider to offer GPUs.")
        return
    offers = (_providers(report.providers, wide=wide), _models(report.models, wide=wide))
    sections = (_attention(report.concerns), *offers, _jobs(report))
    screen.say("\n\n".join(section for section in sections if section))


def _attention(found: Sequence[Concern]) -> str:
    if not found:
        return screen.painted("Nothing needs attention.", screen.GOOD)
    tints = {"Bad": screen.BAD, "Doubtful": screen.DOUBTFUL}
    rows = [
        (screen.Cell(each.reason, tints[each.urgency]), each.about, each.message.replace("\n", " ")) for each in found
    ]
    return _shortened(("ATTENTION", "OF", "WHY"), rows, "-o json has all.")


def _providers(lines: Sequence[ProviderLine], *, wide: bool) -> str:
    headers = ["PROVIDER", "READY", "TRUST", "GPUS FREE", "SERVERS READY", "JOBS", "EARNED", "OWED"]
    headers += ["OPERATION", "NODES", "ATTESTED", "REASON"] if wide else []
    rows = []
    for line in lines if wide else sorted(lines, key=lambda line: line.ready == "True"):
        trust = screen.Cell(line.trust, screen.DOUBTFUL if line.trust == "Test" else "")
        gpus, servers = f"{line.gpus_free}/{line.gpus}", f"{line.servers_ready}/{line.servers}"
        money = in_ton(line.earned), in_ton(line.owed)
        more = (line.operation, str(line.nodes), str(line.servers_attested), line.reason) if wide else ()
        ready = screen.Cell(line.ready, _TINTS.get(line.ready, ""))
        rows.append((line.provider, ready, trust, gpus, servers, str(line.running), *money, *more))
    return _shortened(headers, rows, "" if wide else "-o wide has all.", right=headers[3:8])


def _models(lines: Sequence[ModelLine], *, wide: bool) -> str:
    headers = ("MODEL", "PROVIDERS", "SERVERS", "RUNNING", "WAITING")
    ordered = lines if wide else sorted(lines, key=lambda line: -line.waiting)
    rows = [(each.model, *map(str, (each.providers, each.servers, each.running, each.waiting))) for each in ordered]
    return _shortened(headers, rows, "" if wide else "-o wide has all.", right=headers[1:])


def _shortened(
    headers: Sequence[str], rows: Sequence[Sequence[screen.Cell | str]], where: str, right: Sequence[str] = ()
) -> str:
    """A table of the first rows, and `where` all of them are; of all rows if that is empty."""
    if not rows:
        return ""
    most = _MOST if where else len(rows)
    more = f"\n... and {len(rows) - most} more: {where}" if len(rows) > most else ""
    return screen.table(headers, rows[:most], right) + more


def _jobs(report: Report) -> str:
    counts = ", ".join(f"{count} {state.lower()}" for state, count in report.jobs.items())
    warning = "\n\nTrust Test: development roots vouch for these servers, so anybody could be one."
    return f"JOBS   {counts}" + (screen.painted(warning, screen.DOUBTFUL) if of_test_roots(report) else "")
