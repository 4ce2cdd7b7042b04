"""The evidence that the operator hands on."""

from __future__ import annotations

from cocoon.fleet.evidence_shelf import EvidenceShelf


def test_the_newest_bundle_of_a_digest_is_kept() -> None:
    shelf = EvidenceShelf()
    shelf.put("a", b"old")
    shelf.put("a", b"new")
    assert shelf.find("a") == b"new"
    assert shelf.find("b") is None


def test_the_longest_unrenewed_bundles_go_first() -> None:
    shelf = EvidenceShelf(most_bytes=4)
    shelf.put("a", b"11")
    shelf.put("b", b"22")
    shelf.put("a", b"33")
    shelf.put("c", b"4")
    assert [shelf.find(digest) for digest in "abc"] == [b"33", None, b"4"]
    shelf.put("d", b"55555")
    assert [shelf.find(digest) for digest in "acd"] == [None, None, None]
