"""Pure: from records to manifests, one file per kind of child."""
