"""Pure: from Kubernetes objects as JSON to records. A bad object becomes a record with flaws or a reason."""
