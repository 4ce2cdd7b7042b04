"""The operator: it mirrors the cluster, plans, and acts through ports."""
