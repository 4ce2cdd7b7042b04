"""kubectl-cocoon: the fleet at a prompt."""
