"""`kubectl cocoon verify`: is this receipt true? Checked on this machine, under the client's own policy."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

import click
from msgspec import Struct

from cocoon.attest.opening import VENDORS
from cocoon.cli import screen
from cocoon.cli.collateral_places import read_places
from cocoon.cli.failure import DONE, FAILED, UNDECIDED, Failure
from cocoon.cli.names import JOB_OR_FILE
from cocoon.cli.options import EXISTING_FILE, Reach, on_cluster, output_format, packed
from cocoon.cli.payout_access import PayoutOptions, on_payout
from cocoon.cli.verifying import asking, given, saving
from cocoon.cli.verifying.checks import Terms, check_all
from cocoon.cli.verifying.given import Files
from cocoon.cli.verifying.lines import CORE, Line, Report
from cocoon.cli.verifying.material import Material
from cocoon.cli.verifying.own_policy import read_policy
from cocoon.cli.verifying.reading import Unreadable, whole

_STATUS: Final = {"yes": DONE, "no": FAILED, "unknown": UNDECIDED}
_MARKS: Final = {"yes": ("✓", "ok"), "no": ("✗", "WRONG"), "unknown": ("\N{EN DASH}", "?")}
_TINTS: Final = {"yes": screen.GOOD, "no": screen.BAD, "unknown": screen.DOUBTFUL}
_LOUD: Final = (
    "trust: Test. The evidence leads to a test root that anybody can hold, and was accepted because of "
    "--allow-test-roots: nothing here proves that a TEE did this work."
)


class Asked(Struct, frozen=True):
    """The options of this command alone: the files of given.Files, and how to judge."""

    evidence: Path | None
    job: Path | None
    entry: Path | None
    transfers: Path | None
    neighbours: Path | None
    input: Path | None
    answers: Path | None
    policy: Path | None
    allow_test_roots: bool
    collateral: str | None
    save: Path | None
    strict: bool

    @property
    def files(self) -> Files:
        """Those that were given."""
        return Files(**{name: getattr(self, name) for name in Files.__struct_fields__})


@click.command("verify", short_help="check a receipt yourself, to the last link")
@click.argument("what", metavar="JOB|RECEIPT", type=JOB_OR_FILE)
@packed(
    Asked,
    "asked",
    click.option("--policy", type=EXISTING_FILE, metavar="FILE", help="Your own policy for evidence (YAML)."),
    click.option(
        "--allow-test-roots", is_flag=True, help="Accept development evidence: trust: Test, which proves nothing."
    ),
    click.option("--evidence", type=EXISTING_FILE, metavar="FILE", help="The server's evidence."),
    click.option(
        "--job", type=EXISTING_FILE, metavar="FILE", help="The job as the API server stores it, JSON or YAML."
    ),
    click.option("--entry", type=EXISTING_FILE, metavar="FILE", help="The receipt's entry in the books."),
    click.option("--transfers", type=EXISTING_FILE, metavar="FILE", help="Payments to the provider."),
    click.option("--neighbours", type=EXISTING_FILE, metavar="FILE", help="Other receipts of its key, one a line."),
    click.option("--input", type=EXISTING_FILE, metavar="FILE", help="Your input, to compare."),
    click.option("--answers", type=EXISTING_FILE, metavar="FILE", help="The answers, to compare."),
    click.option(
        "--collateral",
        metavar="PLACES",
        help="Where vendors' collateral is: vendors (the default for a JOB), an https address, a folder; several with "
        "commas.",
    ),
    click.option(
        "--save",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Keep all that it was checked with there, for `verify FOLDER`.",
    ),
    click.option("--strict", is_flag=True, help="Take a line that can't be checked for a failure, with status 8."),
)
@output_format("json", "yaml")
@on_cluster
@on_payout
def command(what: str, asked: Asked, output: str | None, reach: Reach, payout: PayoutOptions) -> int:
    """Check a receipt: who signed it, in which TEE, for which job, at which price, and how it was booked and paid.

    JOB is a job's name: it is read from the cluster, its evidence and its entry in the books from the payout service.
    RECEIPT is a file with a receipt (or with a job or an entry that holds one), `-` for standard input, the receipt
    itself, or a folder that --save wrote: then nobody is asked, unless --payout-url or --collateral says so. A file or
    folder of a job's name comes first.

    Every line is ✓ (it holds), ✗ (it is wrong) or a dash: it can't be checked, for this reason, and the missing part is
    to be had in this way. Evidence is judged on this machine under --policy, as of the time when the job finished; what
    others say about it does not count. Without --policy no evidence of hardware is accepted, for no guest is known.

    The exit status is 0 if every line that was checked holds, 1 if any is wrong, and 8 if none is wrong but the
    signature or the evidence could not be checked.
    """
    policy = read_policy(asked.policy, allow_test_roots=asked.allow_test_roots)
    material = asyncio.run(_gather(what, asked, reach, payout))
    now = time.time()
    if asked.save is not None:
        saving.save(asked.save, material, now)
        screen.note(f"Saved: `kubectl cocoon verify {asked.save}` checks it again without asking anybody.")
    report = check_all(material, Terms(policy, now, asked.strict))
    _show(report, output)
    return _STATUS[report.holds]


async def _gather(what: str, asked: Asked, reach: Reach, payout: PayoutOptions) -> Material:
    here = _local(what)
    material = here if here is not None else await asking.from_cluster(reach, what)
    material = given.with_files(material, asked.files)
    if here is None or (payout.payout_url and here.gathered is None):
        material = await asking.with_books(material, reach, payout)
    kept = ""
    if asked.save is not None:
        saving.make_folder(asked.save)
        kept = str((asked.save / given.COLLATERAL).resolve())
    places = _places(what, asked.collateral or (VENDORS if here is None else ""))
    return await asking.with_collateral(material, places, kept, time.time)


def _local(what: str) -> Material | None:
    """What the argument itself leads to on this machine; None if it is the name of a job. Raises Failure."""
    if given.is_receipt(what):
        return given.from_text(what)
    path = Path(what)
    try:
        if what != "-" and path.is_dir():
            return given.from_folder(path)
        if what != "-" and not path.exists() and "/" not in what:
            return None
        return given.from_text(whole(path).decode(errors="replace"))
    except OSError as error:
        raise Failure(f"{what[:80]} can't be read: {error.strerror}.") from None
    except Unreadable as error:
        raise Failure(f"{error}.") from None


def _places(what: str, said: str) -> tuple[str, ...]:
    """Sources of collateral: first what was saved, then what was said."""
    saved = Path(what) / given.COLLATERAL if len(what) < 4_096 and what != "-" else None
    own = (str(saved.resolve()),) if saved is not None and not given.is_receipt(what) and saved.is_dir() else ()
    return own + read_places("--collateral", said)


def _show(report: Report, output: str | None) -> None:
    if report.trust == "Test":
        screen.note(_LOUD)
    if output is not None:
        screen.show(report, output)
        return
    width = max(len(line.check) for line in report.lines)
    for line in report.lines:
        screen.say(f"{_mark(line)} {line.check.ljust(width)}  {screen.clean(line.said)}")
    screen.note(_conclusion(report))


def _conclusion(report: Report) -> str:
    """What the lines mean together: with a wrong signature, the others only repeat what somebody made up."""
    if report.holds == "yes":
        return "Every line that could be checked holds."
    found = [line.check for line in report.lines if line.holds == report.holds]
    core = ", ".join(name for name in found if name in CORE)
    if report.holds == "unknown":
        return f"Undecided, for these could not be checked: {core or ', '.join(found)}."
    if core:
        return f"This receipt proves nothing, for these are wrong: {core}. Other lines only repeat what it claims."
    proven = all(line.holds == "yes" for line in report.lines if line.check in CORE)
    whose = "a server's own" if proven else "nobody's that is known"
    return f"The receipt is {whose}, and these are wrong: {', '.join(found)}."


def _mark(line: Line) -> str:
    pretty, plain = _MARKS[line.holds]
    try:
        pretty.encode(getattr(sys.stdout, "encoding", "") or "ascii")
    except (UnicodeError, LookupError):
        pretty = plain
    return screen.painted(pretty, _TINTS[line.holds])
