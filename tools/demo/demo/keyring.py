"""The keyring as a client reaches it, and its evidence, asked for with a nonce of one's own."""

import base64
import json
import secrets
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from demo import chart
from demo.errors import DemoError
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl
from demo.tunnel import tunnel

_PORT = 8443


def values() -> Json:
    """What the chart is told: two replicas, for machines without TEEs."""
    terms = {"trust": "Test", "allow_test_roots": True}
    return {"keyring": {"enabled": True, "replicas": 2, "terms": {"runners": terms, "keyrings": terms}}}


@contextmanager
def reached(kubectl: Kubectl) -> Iterator[str]:
    """Its address on this machine."""
    with tunnel(kubectl.within(OPERATOR), f"statefulset/{chart.KEYRING}", _PORT) as port:
        yield f"https://127.0.0.1:{port}"


def evidence(address: str) -> bytes:
    """Its evidence for a fresh nonce. Raises DemoError."""
    body = json.dumps({"nonce": base64.b64encode(secrets.token_bytes(32)).decode()}).encode()
    request = urllib.request.Request(f"{address}/v1/evidence", body, {"Content-Type": "application/json"})  # noqa: S310 - always https
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_anybody())
    )
    try:
        with direct.open(request, timeout=30) as answer:
            return bytes(answer.read())
    except OSError as error:
        raise DemoError(f"The keyring gives no evidence: {error}") from None


def _anybody() -> ssl.SSLContext:
    """No certificate is believed here: what is verified is the evidence, and it names the key that is sealed to."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
