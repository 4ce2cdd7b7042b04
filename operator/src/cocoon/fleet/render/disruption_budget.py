"""PodDisruptionBudgets: `kubectl drain` takes one server of a model's minimum at a time.

minAvailable is a number because Pods whose controller has no scale can have nothing else
(https://kubernetes.io/docs/tasks/run-application/configure-pdb/#arbitrary-controllers-and-selectors).
"""

from __future__ import annotations

from typing import Any

from cocoon.fleet.plan.records import Offer, Provider
from cocoon.fleet.render.names import label_value, labels, name_of, owned_by


def disruption_budgets(provider: Provider) -> list[dict[str, Any]]:
    """One budget for each model that is to have at least two servers."""
    return [_budget(provider, offer) for offer in provider.offers.values() if offer.minimum > 1]


def _budget(provider: Provider, offer: Offer) -> dict[str, Any]:
    own = labels(provider, offer.model)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": label_value(f"{name_of(provider)}-{offer.model}"),
            "namespace": provider.namespace,
            "labels": own,
            "ownerReferences": owned_by(provider),
        },
        "spec": {
            "minAvailable": offer.minimum - 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": own},
        },
    }
