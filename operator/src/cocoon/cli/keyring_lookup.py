"""Which keyring a provider's jobs are sealed to, from the provider's status, and a way to it from this machine.

None of it is believed: what the keyring shows is verified. A status can be old, or forged, so a keyring that holds
another recipient than the status says is told of.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from cocoon.api.resources import PROVIDER, Manifest
from cocoon.cli.cluster import Cluster
from cocoon.cli.failure import MISSING, USAGE, Failure
from cocoon.cli.options import Reach
from cocoon.cli.port_forward import Target, forwarded

_LABEL: Final = r"[a-z0-9-]+"
#: The name of a Pod of a StatefulSet, or of a Service, inside a cluster.
_INSIDE: Final = re.compile(rf"(?:(?P<pod>{_LABEL})\.)?(?P<service>{_LABEL})\.(?P<namespace>{_LABEL})\.svc(?:\..*)?")
_OTHERWISE: Final = (
    "Give --keyring URL if there is another way to it, or --evidence FILE if somebody has given you its evidence"
)


class Provider(Struct, frozen=True):
    """A provider by name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """As kubectl users write it."""
        return f"{self.namespace}/{self.name}"


class Told(Struct, frozen=True):
    """What a provider says of its keyring. `address` is https, as the operator reaches it."""

    provider: Provider
    recipient: str
    address: str


def read_provider(text: str, namespace: str) -> Provider:
    """Of [NAMESPACE/]NAME. Raises Failure."""
    home, _, name = text.rpartition("/")
    if not name or "/" in home:
        raise Failure(f"{text[:200]} is no provider: write NAMESPACE/NAME.", USAGE)
    return Provider(home or namespace, name)


def providers_of(job: Manifest) -> list[Provider]:
    """Those that a job with a namespace names."""
    home = str(job["metadata"]["namespace"])
    named = job["spec"].get("providers") or []
    return [Provider(str(each.get("namespace") or home), str(each["name"])) for each in named]


async def look_up(cluster: Cluster, providers: Sequence[Provider]) -> Told:
    """The keyring of these providers, which have one in common. Raises Failure."""
    found = [await _told(cluster, provider) for provider in providers]
    strangers = [told for told in found if told.recipient != found[0].recipient]
    if strangers:
        raise Failure(
            f"{found[0].provider} and {strangers[0].provider} have different keyrings, and a job is sealed to one: "
            "name one provider with --provider."
        )
    return found[0]


async def _told(cluster: Cluster, provider: Provider) -> Told:
    body = await cluster.get(PROVIDER, provider.namespace, provider.name)
    keyring: dict[str, Any] = (body.get("status") or {}).get("keyring") or {}
    address = str(keyring.get("evidence") or "").rpartition(" ")[2]
    if not keyring.get("recipient") or not address.startswith("https://"):
        raise Failure(
            f"The provider {provider} names no keyring in its status, so there is nobody to seal to: its fleet has "
            "none, or none was attested yet. Ask its administrator (keyring.enabled in the chart's values).",
            MISSING,
        )
    return Told(provider, str(keyring["recipient"]), address)


@asynccontextmanager
async def way_to(reach: Reach, address: str) -> AsyncIterator[str]:
    """An address that leads there from this machine: through the API server if it is one inside the cluster."""
    parts = urlsplit(address)
    inside = _INSIDE.fullmatch(parts.hostname or "")
    if inside is None:
        yield address
        return
    what = f"pod/{inside['pod']}" if inside["pod"] else f"service/{inside['service']}"
    target = Target(inside["namespace"], what, parts.port or 443, "the keyring", _OTHERWISE)
    async with forwarded(reach, target) as port:
        yield f"https://127.0.0.1:{port}"
