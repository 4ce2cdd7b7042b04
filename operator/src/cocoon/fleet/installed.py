"""`python -m cocoon.fleet.installed`: what `helm test` asks, one line for each part that the release has.

The operator is asked through its Service until the replica that leads has answered: each try is a new connection.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from collections.abc import Sequence
from typing import Final

import aiohttp

_PAUSE: Final = 0.5
_TRY: Final = aiohttp.ClientTimeout(total=5)
_LEADS: Final = "cocoon_fleet_leading 1.0"


class NotYet(Exception):
    """What a part said instead."""


async def ask(given: argparse.Namespace) -> list[str]:
    """Ask every part, all at once; a line for each, which begins with its name. Those that fail say `NO`."""
    asked = {"operator": _until(given.patience, f"{given.operator}/metrics", None, _LEADS)}
    if given.payout:
        tls = ssl.create_default_context(cafile=given.payout_ca_file or None)
        asked["payout service"] = _until(given.patience, f"{given.payout}/readyz", tls, "")
    for number, address in enumerate(given.keyring):
        asked[f"keyring {number}"] = _until(given.patience, f"{address}/v1/keyring", _anybody(), "")
    answers = await asyncio.gather(*asked.values())
    return [f"{part}: {answer}" for part, answer in zip(asked, answers, strict=True)]


async def _until(patience: float, url: str, tls: ssl.SSLContext | None, wanted: str) -> str:
    """What became of it within the patience that was given."""
    last = "it was not asked"
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    return await answer(url, tls, wanted)
                except NotYet as reason:
                    last = str(reason)
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        return f"NO: {url}: {last}. Its Pods' logs say more: kubectl logs -l app.kubernetes.io/part-of=cocoon-fleet."


async def answer(url: str, tls: ssl.SSLContext | None, wanted: str) -> str:
    """What a part says to one GET; `wanted` is a line that must be in it. Raises NotYet."""
    connector = aiohttp.TCPConnector(ssl=True if tls is None else tls)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=_TRY) as session, session.get(url) as said:
            text = await said.text()
            if said.status != 200:
                raise NotYet(f"it answers {said.status}: {text.strip()[:200]}")
            if wanted and wanted not in text.splitlines():
                raise NotYet("no replica that was asked leads")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NotYet(f"it does not answer ({error or type(error).__name__})") from None
    return "it leads" if wanted else "it answers"


def _anybody() -> ssl.SSLContext:
    """A keyring's certificate is its own: evidence says whose it is, and the operator verifies that."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if all parts answer."""
    parser = argparse.ArgumentParser(prog="cocoon-fleet-installed", description="Whether all of a release answers.")
    parser.add_argument("--operator", required=True, help="http address of the operator's Service")
    parser.add_argument("--payout", default="", help="https address of the payout service (default: none)")
    parser.add_argument("--payout-ca-file", default="", help="certificates that its own is signed by")
    parser.add_argument("--keyring", action="append", default=[], help="https address of a keyring, once for each")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until a part that is silent has failed")
    lines = asyncio.run(ask(parser.parse_args(arguments)))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if any(": NO: " in line for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
