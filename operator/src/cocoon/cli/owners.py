"""Providers by name and by uid: the payout service's books know uids, people know names."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cocoon.api.resources import PROVIDER
from cocoon.cli import screen
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.failure import Failure, Forbidden, Missing
from cocoon.cli.options import Reach


class Owners(Struct, frozen=True):
    """`namespace/name` of the cluster's providers, by uid."""

    names: Mapping[str, str]

    def called(self, uid: str) -> str:
        """What to show for a uid: itself, if the provider is gone or of another cluster."""
        return self.names.get(uid, uid)


async def owners(reach: Reach, wanted: str | None, *, alone: bool) -> tuple[Owners, str]:
    """The providers, and the uid of the wanted one (empty if none is): a name, a `namespace/name` or a uid itself.

    Raises Missing for a name that no provider has. Without a cluster uids are shown as they are, if the payout service
    can be asked `alone`; else Failure is raised, for nothing could be shown.
    """
    try:
        async with connected(reach) as cluster:
            known = await _known(cluster)
            namespace = cluster.namespace
    except Failure as failure:
        if not alone and not isinstance(failure, (Forbidden, Missing)):
            raise
        screen.note(f"Providers are shown by their uids: {failure}")
        known, namespace = Owners({}), ""
    return known, _uid(known, namespace, wanted) if wanted else ""


async def _known(cluster: Cluster) -> Owners:
    return Owners({row["Uid"]: f"{row['Namespace']}/{row['Name']}" for row in await cluster.rows(PROVIDER)})


def _uid(known: Owners, namespace: str, wanted: str) -> str:
    key = wanted if "/" in wanted else f"{namespace}/{wanted}"
    for uid, name in known.names.items():
        if key == name:
            return uid
    if "/" not in wanted and wanted.count("-") == 4:
        return wanted  # of a provider that was deleted: its books stay
    raise Missing(
        f"There is no CocoonProvider {key}. See which there are: kubectl get cprov -A. Name a deleted one by its uid."
    )
