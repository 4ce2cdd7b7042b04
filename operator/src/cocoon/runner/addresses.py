"""Which addresses a client's URL may lead to: only ones that the whole world can reach.

A job's URL is written by a tenant and opened inside the cluster, so it must not reach the cluster's own services, the
node, or a cloud's metadata service. The check is made of the very addresses that the connection then goes to.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")


class AddressRefused(OSError):
    """The host leads to an address that no job may reach."""


def is_public(address: str) -> bool:
    """Whether this IP address is a global unicast one, also where an IPv6 address carries an IPv4 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _carried(parsed)
        if inner is not None:
            parsed = inner
    return parsed.is_global and not parsed.is_multicast


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return None


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses; refuses a name if any of its addresses is not."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of the host. Raises AddressRefused."""
        found = await self._inner.resolve(host, port, family)
        for result in found:
            check_literal(result["host"])
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


def check_literal(address: str) -> None:
    """Raise AddressRefused if this IP address is not public."""
    if not is_public(address):
        raise AddressRefused("the host leads to a private, loopback, link-local or otherwise special address")
