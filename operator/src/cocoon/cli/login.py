"""Finding the cluster as kubectl does: kubeconfig files, contexts, client certificates, tokens and exec plugins."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from cocoon.cli.failure import Failure, NotKnown, Unreachable
from cocoon.cli.options import Reach
from cocoon.fleet.ports.api_server_tls import tls_context

_IN_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Login(Struct, frozen=True):
    """The API server's address, how to talk TLS to it, the Authorization header and the namespace meant.

    `server_name` is what its certificate names if that is not in the address; `proxy` is on the way. Empty for none.
    """

    url: str
    tls: ssl.SSLContext
    authorization: str
    namespace: str
    server_name: str = ""
    proxy: str = ""


async def log_in(reach: Reach) -> Login:
    """Log in as the kubeconfig says, or inside a Pod by its service account. Raises Failure."""
    # Loading kubernetes takes half a second: commands that need no cluster go without.
    from kubernetes.aio.client import Configuration  # noqa: PLC0415 - see above
    from kubernetes.aio.config import load_incluster_config, load_kube_config  # noqa: PLC0415 - see above
    from kubernetes.aio.config.config_exception import ConfigException  # noqa: PLC0415 - see above
    from yaml import YAMLError  # noqa: PLC0415 - see above

    configuration = Configuration()
    if _in_a_pod(reach):
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # untyped
        own = await asyncio.to_thread(_IN_CLUSTER_NAMESPACE.read_text)
        return await _login(configuration, reach.namespace or own.strip())
    _must_exist(reach)
    try:
        with _hearing() as complaints:
            loader = await load_kube_config(  # type: ignore[no-untyped-call]  # untyped
                reach.kubeconfig, reach.context, client_configuration=configuration, persist_config=False
            )
        namespace = reach.namespace or loader.current_context["context"].get("namespace") or "default"
        login = await _login(configuration, str(namespace))
    except ConfigException as error:
        why = str(error).rstrip(".")
        raise Failure(
            f"The kubeconfig can't be used: {why}. Choose another one with --context or --kubeconfig."
        ) from error
    except (TypeError, KeyError, AttributeError) as error:
        raise Failure(
            "The kubeconfig can't be used: it is empty, or not one. Name another with --kubeconfig."
        ) from error
    except (OSError, ValueError, YAMLError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise Failure(f"The kubeconfig can't be read: {why}. Correct it, or name another one.") from error
    if complaints and not login.authorization and not configuration.cert_file:
        why = " ".join(complaints[0].split()).rstrip(".")
        raise NotKnown(f"The kubeconfig's user can't log in: {why}. Log in again, or mend its exec plugin.")
    return login


@contextmanager
def _hearing() -> Iterator[list[str]]:
    """What the library logs as errors, of plugins that can't be run above all: here it is told in sentences."""
    said: list[str] = []
    ear, logger = logging.Handler(logging.ERROR), logging.getLogger("kubernetes")
    ear.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]  # all that a handler does
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        logger.propagate = True


async def _login(configuration: Any, namespace: str) -> Login:  # noqa: ANN401 - the library is untyped
    authorization = await configuration.get_api_key_with_prefix("BearerToken") or ""
    url, server_name = str(configuration.host).rstrip("/"), getattr(configuration, "tls_server_name", None)
    return Login(
        url, tls_context(configuration), authorization, namespace, server_name or "", configuration.proxy or ""
    )


def _in_a_pod(reach: Reach) -> bool:
    return not (reach.kubeconfig or reach.context or _files(reach)) and "KUBERNETES_SERVICE_HOST" in os.environ


def _files(reach: Reach) -> list[Path]:
    """Kubeconfig files that exist."""
    named = reach.kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return [path for text in named.split(os.pathsep) if text and (path := Path(text).expanduser()).is_file()]


def _must_exist(reach: Reach) -> None:
    if _files(reach):
        return
    named = reach.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    raise Unreachable(f"There is no kubeconfig at {named}: give --kubeconfig FILE or set KUBECONFIG.")
