"""Which page is written from what: the one list that `make reference` and its drift test go through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.reference import licences, metrics, objects, payout_api, values

ROOT = Path(__file__).resolve().parents[2]

PAGES: dict[str, Callable[[Path], str]] = {
    "docs/reference/cocoonprovider.md": lambda root: objects.page(root / "crds/cocoonproviders.yaml"),
    "docs/reference/inferencejob.md": lambda root: objects.page(root / "crds/inferencejobs.yaml"),
    "docs/reference/licences.md": licences.page,
    "docs/reference/metrics.md": lambda _: metrics.page(),
    "docs/reference/payout-api.md": lambda _: payout_api.page(),
    "charts/cocoon-fleet/README.md": lambda root: values.page(root / "charts/cocoon-fleet"),
}
