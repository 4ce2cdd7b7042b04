"""The real operator on a real API server, killed at random moments, or with the API server gone for long."""
