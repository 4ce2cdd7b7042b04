"""Finding the payout service and a token for it.

With `--payout-url` it is at that address; otherwise its Service is looked for in the cluster (by the chart's labels),
and reached through the API server. The token comes from a file, or is made for ten minutes for a service account that
the payout service knows as a reader (Kubernetes' TokenRequest API, as `kubectl create token --audience cocoon-payout`).
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import click
from msgspec import Struct

from cocoon.api.resources import SECRET, SERVICE, Manifest
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.failure import Failure, Missing
from cocoon.cli.options import EXISTING_FILE, Reach, packed
from cocoon.cli.payout_service import Address, PayoutService
from cocoon.cli.port_forward import Target, forwarded

AUDIENCE: Final = "cocoon-payout"
_LABELS: Final = "app.kubernetes.io/name=cocoon-fleet,app.kubernetes.io/component=payout"


class PayoutOptions(Struct, frozen=True):
    """Where the payout service is and who asks; None is to be found out."""

    payout_url: str | None = None
    payout_token_file: Path | None = None
    payout_ca_file: Path | None = None
    payout_as: str | None = None


on_payout: Final = packed(
    PayoutOptions,
    "payout",
    click.option(
        "--payout-url",
        metavar="URL",
        envvar="COCOON_PAYOUT_URL",
        show_envvar=True,
        help="Where the payout service is; default: its Service in the cluster, through the API server.",
    ),
    click.option(
        "--payout-token-file",
        type=EXISTING_FILE,
        metavar="FILE",
        envvar="COCOON_PAYOUT_TOKEN_FILE",
        show_envvar=True,
        help="A service-account token with audience cocoon-payout.",
    ),
    click.option(
        "--payout-ca-file",
        type=EXISTING_FILE,
        metavar="FILE",
        envvar="COCOON_PAYOUT_CA_FILE",
        show_envvar=True,
        help="Certificates (PEM) that the payout service's is signed by; default: the chart's, or the system's.",
    ),
    click.option(
        "--payout-as",
        metavar="NAMESPACE/NAME",
        envvar="COCOON_PAYOUT_AS",
        show_envvar=True,
        help="Without a token file: the service account to get a token for; default: the operator's.",
    ),
)


class _Place(Struct, frozen=True):
    """A Service of the payout service."""

    namespace: str
    name: str
    port: int

    @property
    def target(self) -> Target:
        """As port-forward takes it."""
        otherwise = "Give --payout-url if there is another way to it"
        return Target(self.namespace, f"service/{self.name}", self.port, "the payout service", otherwise)

    def address(self, port: int) -> Address:
        """Of a local port that leads there."""
        advice = f"See whether its Pod is ready: kubectl get pods -n {self.namespace}."
        return Address(f"https://127.0.0.1:{port}", f"{self.name}.{self.namespace}.svc", advice)


@asynccontextmanager
async def payout_service(reach: Reach, options: PayoutOptions) -> AsyncIterator[PayoutService]:
    """The payout service, ready to be asked. Raises Failure."""
    async with AsyncExitStack() as stack:
        if options.payout_url:
            address, authority, place = Address(_safe(options.payout_url)), "", None
        else:
            cluster = await stack.enter_async_context(connected(reach))
            place = await _find(cluster)
            authority = "" if options.payout_ca_file else await _authority(cluster, place)
            port = await stack.enter_async_context(forwarded(reach, place.target))
            address = place.address(port)
        token = await _token(reach, options, place)
        tls = _tls(options, authority)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls), trust_env=place is None)
        await stack.enter_async_context(session)
        yield PayoutService(session, address, token)


def _safe(url: str) -> str:
    """The address, unless the token would go there in the clear."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        return url
    raise Failure(f"--payout-url {url} is not https://: the token would be sent in the clear.")


async def _find(cluster: Cluster) -> _Place:
    """The only payout service of the cluster, or of the namespace if several are there."""
    found = [_place(service) for service in await cluster.items(SERVICE, labelSelector=_LABELS)]
    if len(found) > 1:
        found = [place for place in found if place.namespace == cluster.namespace]
    if len(found) != 1:
        problem = "no payout service" if not found else "several payout services"
        advice = "If it runs elsewhere, give --payout-url; if there are several, say which namespace with -n."
        raise Missing(f"This cluster has {problem} (Service with labels {_LABELS}). {advice}")
    return found[0]


def _place(service: Manifest) -> _Place:
    ports = service["spec"]["ports"]
    port = next((each["port"] for each in ports if each.get("name") == "https"), ports[0]["port"])
    return _Place(service["metadata"]["namespace"], service["metadata"]["name"], port)


async def _authority(cluster: Cluster, place: _Place) -> str:
    """The chart's own authority for the service's certificate; only this part of the Secret is looked at."""
    try:
        secret = await cluster.get(SECRET, place.namespace, f"{place.name}-tls")
        return base64.b64decode(secret["data"]["ca.crt"]).decode()
    except (Failure, KeyError, ValueError) as error:
        raise Failure(
            f"Who signed the payout service's certificate is not known: ca.crt in the Secret {place.namespace}/"
            f"{place.name}-tls can't be read ({str(error).rstrip('.')}). Give --payout-ca-file."
        ) from error


async def _token(reach: Reach, options: PayoutOptions, place: _Place | None) -> str:
    if options.payout_token_file:
        return (await asyncio.to_thread(options.payout_token_file.read_text)).strip()
    account = options.payout_as or (f"{place.namespace}/{place.name.removesuffix('-payout')}" if place else "")
    namespace, slash, name = account.partition("/")
    if not (namespace and slash and name):
        raise Failure(
            "The payout service wants to know who asks: give --payout-token-file, or --payout-as NAMESPACE/NAME to get "
            "a token for a service account that it knows as a reader."
        )
    async with connected(reach) as cluster:
        return await cluster.token(namespace, name, AUDIENCE)


def _tls(options: PayoutOptions, authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=options.payout_ca_file, cadata=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise Failure(f"The certificates to trust can't be read: {error}. Check --payout-ca-file.") from error
