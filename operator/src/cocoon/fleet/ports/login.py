"""How the operator proves to the API server who it is: in a Pod by its service account, elsewhere by a kubeconfig."""

from __future__ import annotations

import ssl

import kopf
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_TOKEN_FILENAME
from msgspec import Struct

from cocoon.fleet.ports.api_server_tls import tls_context
from cocoon.fleet.ports.failures import Refused


class Login(Struct, frozen=True):
    """A configuration of kubernetes.aio; it reads a rotated service-account token again every minute."""

    configuration: Configuration
    token_file: str | None = None

    @property
    def url(self) -> str:
        """The API server's address, without a slash at its end."""
        return str(self.configuration.host).rstrip("/")

    def tls(self) -> ssl.SSLContext:
        """A context that knows the cluster's authority and our client certificate, if there is one."""
        return tls_context(self.configuration)

    async def authorization(self) -> str:
        """The Authorization header's value; empty with a client certificate."""
        return await self.configuration.get_api_key_with_prefix("BearerToken") or ""

    async def for_kopf(self) -> kopf.ConnectionInfo:
        """The same login for kopf."""
        found = self.configuration
        scheme, _, token = (await self.authorization()).partition(" ")
        return kopf.ConnectionInfo(
            server=self.url,
            ca_path=found.ssl_ca_cert,
            insecure=not found.verify_ssl,
            certificate_path=found.cert_file,
            private_key_path=found.key_file,
            scheme=scheme.capitalize() or None,
            token=token or None,
        )


async def log_in(kubeconfig: str | None) -> Login:
    """Log in with this kubeconfig, or as the Pod's service account. Raises Refused if neither is there."""
    configuration = Configuration()
    try:
        if kubeconfig:
            await load_kube_config(kubeconfig, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]  # untyped
            return Login(configuration)
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # untyped
    except Exception as error:
        raise Refused(f"There is no way to log in: give --kubeconfig or run in a Pod ({error}).") from error
    return Login(configuration, SERVICE_TOKEN_FILENAME)
