"""The evidence that the operator hands on."""

from __future__ import annotations

from cocoon.fleet.accepted_evidence import AcceptedEvidence


def test_the_newest_bundle_of_a_digest_is_kept() -> None:
    accepted = AcceptedEvidence()
    accepted.put("a", b"old")
    accepted.put("a", b"new")
    assert accepted.find("a") == b"new"
    assert accepted.find("b") is None


def test_the_longest_unrenewed_bundles_go_first() -> None:
    accepted = AcceptedEvidence(most_bytes=4)
    accepted.put("a", b"11")
    accepted.put("b", b"22")
    accepted.put("a", b"33")
    accepted.put("c", b"4")
    assert [accepted.find(digest) for digest in "abc"] == [b"33", None, b"4"]
    accepted.put("d", b"55555")
    assert [accepted.find(digest) for digest in "acd"] == [None, None, None]
