"""Material from the cluster and the payout service: what neither has, or gives, is missing with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec import structs

from cocoon.api.receipts import Claims
from cocoon.api.resources import CONFIG_MAP, JOB
from cocoon.attest.opening import open_library
from cocoon.attest.receipts import read_unproven
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.failure import NOT_YET, USAGE, Failure, Missing
from cocoon.cli.options import Reach
from cocoon.cli.payout_access import PayoutOptions, payout_service
from cocoon.cli.payout_service import PayoutService
from cocoon.cli.verifying.material import Material, Part
from cocoon.fleet.render.output_config_map import KEY

#: Seconds for all collateral.
_PATIENCE: Final = 60.0


async def from_cluster(reach: Reach, name: str) -> Material:
    """The job's receipt, the job, and the digest of its answers if they are in the cluster. Raises Failure."""
    async with connected(reach) as cluster:
        job = await cluster.get(JOB, cluster.namespace, name)
        status = job.get("status") or {}
        if not status.get("receipt"):
            raise Failure(
                f"{name} has no receipt: it is {status.get('state', 'Pending')}. `kubectl cocoon output {name} --wait` "
                "waits for its end.",
                NOT_YET,
            )
        material = Material(receipt=str(status["receipt"]), job=job)
        return await _with_answers(cluster, material, (status.get("output") or {}).get("configMap"))


async def _with_answers(cluster: Cluster, material: Material, config_map: str | None) -> Material:
    if config_map is None:
        return _without(material, "answers", "They are not in the cluster.")
    try:
        found = await cluster.get(CONFIG_MAP, cluster.namespace, config_map)
    except Failure as failure:
        return _without(material, "answers", str(failure))
    text = str((found.get("data") or {}).get(KEY, ""))
    return structs.replace(material, answers=hashlib.sha256(text.encode()).hexdigest())


def _without(material: Material, part: Part, why: str) -> Material:
    return structs.replace(material, absent={**material.absent, part: why})


async def with_books(material: Material, reach: Reach, options: PayoutOptions) -> Material:
    """With what the payout service has, as far as it was not given."""
    try:
        claims = read_unproven(material.receipt)
    except ValueError:
        return material
    try:
        async with payout_service(reach, options) as service:
            return await _asked(material, claims, service)
    except Failure as failure:
        for part in _PARTS:
            if getattr(material, part) is None:
                material = _without(material, part, str(failure))
        return material


async def _asked(material: Material, claims: Claims, service: PayoutService) -> Material:
    for part, ask in _PARTS.items():
        if getattr(material, part) is not None:
            continue
        try:
            found: Any = await ask(service, claims)
        except Failure as failure:
            material = _without(material, part, str(failure))
        else:
            books = service.called if part in ("entry", "transfers") else material.books
            material = structs.replace(material, **{part: found}, books=books)
    return material


async def _neighbours(service: PayoutService, claims: Claims) -> tuple[str, ...]:
    """The receipts before and after, as far as there are any."""
    found = []
    for number in (claims.seq - 1, claims.seq + 1):
        if number >= 0:
            try:
                found.append((await service.receipt(f"{claims.iss}.{number}")).receipt)
            except Missing:
                continue
    return tuple(found)


_PARTS: Final[dict[Part, Callable[[PayoutService, Claims], Awaitable[object]]]] = {
    "evidence": lambda service, claims: service.evidence(claims.evidence_sha256),
    "entry": lambda service, claims: service.receipt(claims.jti),
    "transfers": lambda service, claims: service.transfers(claims.provider),
    "neighbours": _neighbours,
}


async def with_collateral(material: Material, places: tuple[str, ...], kept: str, now: Callable[[], float]) -> Material:
    """With what a verdict on its evidence takes, from these places. Raises Failure for a place that is none."""
    if material.evidence is None or not (places or kept):
        return material
    try:
        async with open_library(places, kept, now) as library:
            return structs.replace(material, collateral=await library.collect_within(_PATIENCE, material.evidence))
    except ValueError as error:
        raise Failure(f"--collateral: {error}", USAGE) from None
