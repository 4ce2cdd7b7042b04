"""What a receipt's `spec_sha256` is made from: the job as it was asked for.

SHA-256 of the spec as JSON with sorted keys and no white space, without `suspend`, `priority` and `deadline`: those
may be changed while the job runs, and the digest must be the same however often an attempt is pushed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

MUTABLE: Final = frozenset({"suspend", "priority", "deadline"})


def spec_digest(spec: Mapping[str, Any]) -> str:
    """64 hex digits, from the spec as the API server stores it."""
    fixed = {name: value for name, value in spec.items() if name not in MUTABLE}
    return hashlib.sha256(msgspec.json.encode(fixed, order="sorted")).hexdigest()
