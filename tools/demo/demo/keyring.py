"""The keyring: what the chart is told of it, and a copy of its evidence as a client keeps one."""

from demo import story
from demo.client import Client
from demo.kubectl import Json


def values() -> Json:
    """What the chart is told: two replicas, for machines without TEEs."""
    terms = {"trust": "Test", "allow_test_roots": True}
    return {"keyring": {"enabled": True, "replicas": 2, "terms": {"runners": terms, "keyrings": terms}}}


def evidence(client: Client) -> bytes:
    """What the keyring shows to whoever asks, as `kubectl cocoon collateral` keeps it. Raises DemoError."""
    folder = client.folder / "carried"
    provider = f"--provider={story.NAMESPACE}/{story.PROVIDER}"
    client.ask("collateral", folder, provider, "--no-fetch", *client.there())
    (kept,) = (folder / "evidence").iterdir()
    return kept.read_bytes()
