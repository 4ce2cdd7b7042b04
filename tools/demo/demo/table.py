"""The jobs in a table: what each was, what it took, what it cost, and whether its receipt holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from demo import story
from demo.kubectl import Json

HEAD = ("JOB", "MODEL", "STATE", "ITEMS", "REFUSED", "TOKENS", "COST (nanoTON)", "SECONDS", "RECEIPT")


def rows(jobs: Mapping[str, Json], verified: Mapping[str, bool]) -> list[tuple[str, ...]]:
    """One row for each job, in the story's order."""
    return [_row(jobs[name], verified.get(name)) for name in (*story.JOBS, story.SEALED) if name in jobs]


def _row(job: Json, verified: bool | None) -> tuple[str, ...]:  # noqa: FBT001 - what was found out, not a switch
    status = job.get("status", {})
    usage = status.get("usage", {})
    tokens = usage.get("promptTokens", 0) + usage.get("completionTokens", 0)
    return (
        job["metadata"]["name"],
        job["spec"]["model"],
        status.get("state", "Pending"),
        str(usage.get("items", 0)),
        str(usage.get("failedItems", 0)),
        str(tokens) if tokens else "-",
        status.get("cost", "-"),
        _seconds(status),
        {None: "-", True: "verified ✓", False: "WRONG ✗"}[verified],
    )


def _seconds(status: Json) -> str:
    if not status.get("startTime") or not status.get("completionTime"):
        return "-"
    begun, ended = (datetime.fromisoformat(status[name]) for name in ("startTime", "completionTime"))
    return f"{(ended - begun).total_seconds():.1f}"


def render(head: Sequence[str], content: Sequence[Sequence[str]]) -> list[str]:
    """Lines with aligned columns, the head first."""
    table = [head, *content]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
