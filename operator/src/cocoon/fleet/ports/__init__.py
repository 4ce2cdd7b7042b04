"""What the operator needs of the world: protocols, and an adapter beside each."""
