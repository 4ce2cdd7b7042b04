"""`kubectl cocoon release PROVIDER --force`: let go of a provider whose servers can't be finished properly.

The operator's finalizer keeps a deleted provider until its servers have handed over their receipts. If that can never
happen (the nodes are gone for good), this takes the finalizer away, and unreported receipts are lost with it.
"""

from __future__ import annotations

import argparse
from typing import Any

import kubernetes.client
import kubernetes.config

from cocoon.api.groups import FINALIZER, GROUP, PROVIDERS, VERSION
from cocoon.cli.failure import Failure


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("release", help="take our finalizer off a deleted provider")
    parser.add_argument("provider", metavar="PROVIDER")
    parser.add_argument("-n", "--namespace", default="default")
    parser.add_argument("--force", action="store_true", help="accept that receipts not yet reported are lost")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Remove the finalizer from a provider that is being deleted."""
    if not arguments.force:
        raise Failure(
            f"Releasing {arguments.provider} loses the receipts that its servers still hold. Wait until its servers "
            "are gone, or say --force if they never will be."
        )
    kubernetes.config.load_config()  # type: ignore[no-untyped-call]  # the client library is untyped
    api = kubernetes.client.CustomObjectsApi()
    where = (GROUP, VERSION, arguments.namespace, PROVIDERS, arguments.provider)
    provider = _read(api, where)
    if not provider["metadata"].get("deletionTimestamp"):
        raise Failure(f"{arguments.provider} is not being deleted: run kubectl delete cprov first.")
    api.patch_namespaced_custom_object(*where, _without_finalizer(provider))
    print(f"Released {arguments.namespace}/{arguments.provider}.")


def _read(api: Any, where: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401 - the client library is untyped
    try:
        found: dict[str, Any] = api.get_namespaced_custom_object(*where)
    except kubernetes.client.ApiException as error:
        raise Failure(f"{where[4]} in namespace {where[2]} can't be read: {error.reason}.") from error
    return found


def _without_finalizer(provider: dict[str, Any]) -> dict[str, Any]:
    metadata = provider["metadata"]
    kept = [name for name in metadata.get("finalizers", []) if name != FINALIZER]
    return {"metadata": {"finalizers": kept, "resourceVersion": metadata["resourceVersion"]}}
