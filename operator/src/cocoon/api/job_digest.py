"""What a receipt's `spec_sha256` is made from: the job as it was asked for (docs/reference/job-digest.md).

Whoever holds a job, or the manifest as the API server stored it, can say whether a receipt is of that job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

#: May be changed while the job runs; the digest must be the same however often an attempt is pushed.
MUTABLE: Final = frozenset({"suspend", "priority", "deadline"})


def spec_digest(spec: Mapping[str, Any]) -> str:
    """64 hex digits, from the spec as the API server stores it, with its defaults filled in."""
    return hashlib.sha256(canonical(spec)).hexdigest()


def canonical(spec: Mapping[str, Any]) -> bytes:
    """The bytes under the digest: JSON in UTF-8 with sorted keys and no white space, without what may change.

    For specs, whose keys are ASCII and whose numbers are integers, this is the form of RFC 8785.
    """
    fixed = {name: value for name, value in spec.items() if name not in MUTABLE}
    return msgspec.json.encode(fixed, order="sorted")
