"""Isolation as an nftables script: one table, replaced as a whole in one transaction.

Traffic between Pods, or with the world, is forwarded by the host; traffic to the host's own servers (the API) is its
input. Both are seen after Services' addresses were translated, so rules name the Pods behind them. What the host
itself sends (kubelet's probes) is neither, and passes.
"""

import ipaddress
from collections.abc import Iterable

from devcluster.network_policy import Allow, Direction, Isolation

TABLE = "devcluster-policy"
_PEER: dict[Direction, str] = {"ingress": "saddr", "egress": "daddr"}
_SELF: dict[Direction, str] = {"ingress": "daddr", "egress": "saddr"}


def script(isolations: Iterable[Isolation]) -> str:
    """For `nft -f -`. Allowed traffic returns from the Pod's chain, all other is dropped in it."""
    given = list(isolations)
    lines = [f"table ip {TABLE} {{}}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    for each in given:
        rules = [f"    {rule(allow, each.direction)}" for allow in each.allows if _can_match(allow)]
        lines += [f"  chain {_chain(each)} {{", f"    ip {_PEER[each.direction]} {each.address} return", *rules]
        lines += ["    drop", "  }"]
    egress, ingress = _jumps(given, "egress"), _jumps(given, "ingress")
    lines += _hook("forward", egress + ingress) + _hook("input", egress)
    return "\n".join([*lines, "}", ""])


def rule(allow: Allow, direction: Direction) -> str:
    """One rule that returns for what `allow` allows."""
    side = _PEER[direction]
    words = []
    if allow.peers:
        words.append(f"ip {side} {_set(allow.peers)}")
    if allow.excepts:
        words.append(f"ip {side} != {_set(allow.excepts)}")
    if allow.protocol:
        everything = allow.ports == (0, 65535)
        words.append(
            f"meta l4proto {allow.protocol}" if everything else f"{allow.protocol} dport {_range(allow.ports)}"
        )
    return " ".join([*words, "return"])


def _can_match(allow: Allow) -> bool:
    return "0.0.0.0/0" not in allow.excepts


def _hook(name: str, jumps: list[str]) -> list[str]:
    """A chain that the kernel calls; replies to what was allowed pass before anything is asked."""
    head = f"    type filter hook {name} priority filter + 10; policy accept;"
    return [f"  chain {name} {{", head, "    ct state established,related accept", *jumps, "  }"]


def _jumps(isolations: list[Isolation], direction: Direction) -> list[str]:
    entries = [f"{each.address} : jump {_chain(each)}" for each in isolations if each.direction == direction]
    return [f"    ip {_SELF[direction]} vmap {{ {', '.join(entries)} }}"] if entries else []


def _chain(isolation: Isolation) -> str:
    return f"{isolation.direction}-{isolation.address}"


def _range(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def _set(networks: tuple[str, ...]) -> str:
    """Overlapping networks are one network: nft refuses a set in which they conflict."""
    whole = ipaddress.collapse_addresses(ipaddress.IPv4Network(network, strict=False) for network in networks)
    return f"{{ {', '.join(str(network) for network in whole)} }}"
