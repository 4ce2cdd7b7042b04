import subprocess

import pytest

from devcluster.network_policy import Allow, Direction, Isolation
from devcluster.nft import rule, script

A, B = "10.244.0.2", "10.244.0.3"


@pytest.mark.parametrize(
    ("allow", "direction", "text"),
    [
        (Allow(), "ingress", "return"),
        (Allow((A, B)), "ingress", "ip saddr { 10.244.0.2/31 } return"),
        (Allow((A,)), "egress", "ip daddr { 10.244.0.2/32 } return"),
        (Allow(protocol="udp", ports=(53, 53)), "egress", "udp dport 53 return"),
        (Allow(protocol="tcp", ports=(8000, 9000)), "ingress", "tcp dport 8000-9000 return"),
        (Allow(protocol="sctp"), "ingress", "meta l4proto sctp return"),
        (
            Allow(("0.0.0.0/0",), ("10.0.0.0/8", "10.1.0.0/16")),
            "egress",
            "ip daddr { 0.0.0.0/0 } ip daddr != { 10.0.0.0/8 } return",
        ),
    ],
)
def test_rules(allow: Allow, direction: Direction, text: str) -> None:
    assert rule(allow, direction) == text


def test_each_isolated_pod_has_a_chain_that_ends_in_drop() -> None:
    text = script([Isolation(A, "ingress", ()), Isolation(B, "egress", (Allow((A,)),))])
    assert f"chain ingress-{A} {{\n    ip saddr {A} return\n    drop\n  }}" in text
    assert f"chain egress-{B} {{\n    ip daddr {B} return\n    ip daddr {{ {A}/32 }} return\n    drop\n  }}" in text


def test_pods_ask_for_the_host_under_their_egress_rules_only() -> None:
    text = script([Isolation(A, "ingress", ()), Isolation(B, "egress", ())])
    forwarded, to_host = text.split("chain forward")[1].split("chain input")
    assert f"daddr vmap {{ {A} : jump ingress-{A} }}" in forwarded
    assert f"saddr vmap {{ {B} : jump egress-{B} }}" in forwarded
    assert f"saddr vmap {{ {B} : jump egress-{B} }}" in to_host
    assert "ingress" not in to_host


def test_an_exception_that_leaves_nothing_allows_nothing() -> None:
    assert "0.0.0.0/0" not in script([Isolation(A, "egress", (Allow(("10.0.0.0/8",), ("0.0.0.0/0",)),))])


@pytest.mark.e2e
def test_the_kernel_takes_all_of_it() -> None:
    allows = (
        Allow(),
        Allow((A, "10.0.0.0/8"), (B,), "tcp", (1, 2)),
        Allow((), (), "udp"),
        Allow((B,), (), "sctp", (5, 5)),
    )
    text = script([Isolation(A, way, allows) for way in ("ingress", "egress")])
    subprocess.run(["nft", "--check", "--file", "-"], input=text, text=True, check=True)
