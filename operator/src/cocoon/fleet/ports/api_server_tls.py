"""TLS to the API server as a kubeconfig or a Pod's service account says, for operator and command line alike."""

from __future__ import annotations

import ssl
from typing import Protocol


class Named(Protocol):
    """Files of certificates, as kubernetes.aio.client.Configuration names them; None for none."""

    ssl_ca_cert: str | None
    cert_file: str | None
    key_file: str | None
    verify_ssl: bool


def tls_context(named: Named) -> ssl.SSLContext:
    """A context that knows the cluster's authority, and our client certificate if there is one. Raises OSError."""
    context = ssl.create_default_context(cafile=named.ssl_ca_cert)
    if named.cert_file:
        context.load_cert_chain(named.cert_file, named.key_file)
    if not named.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
