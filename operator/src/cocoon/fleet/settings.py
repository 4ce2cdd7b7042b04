"""How an operator process was started: flags, each with an environment variable, read once into one frozen Struct."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cocoon.attest.opening import read_places

PREFIX = "COCOON_FLEET_"


class Settings(Struct, frozen=True, kw_only=True):
    """What an administrator can set. Times in seconds."""

    namespace: str
    """The operator's own namespace: its Lease and its identity live there."""
    identity: str
    """This replica's name in the Lease."""
    runner_image: str
    kubeconfig: str | None = None
    namespaces: tuple[str, ...] = ()
    """The namespaces to serve; all if empty."""
    cluster_id: str = ""
    """Names this cluster in receipts; the uid of the namespace kube-system if empty."""
    payout_url: str = ""
    payout_token_file: str = "/var/run/secrets/cocoon-payout/token"  # noqa: S105 - a file's name
    payout_ca_file: str = ""
    credit_seconds: float = 5.0
    earnings_seconds: float = 30.0
    collateral: tuple[str, ...] = ("vendors",)
    """Where the vendors' word on hardware comes from: `vendors`, addresses of mirrors, folders; asked in order."""
    collateral_cache: str = ""
    """A folder for copies of it, so that a restart needs no network."""
    runner_collateral: tuple[str, ...] = ("vendors",)
    """The same for runners, who check keyrings' evidence; no folders, for a runner has none of the operator's."""
    keyrings: tuple[str, ...] = ()
    """https addresses of keyrings, the one that jobs are to be sealed to first; older ones after it."""
    keyring_measurements: tuple[str, ...] = ()
    keyring_seconds: float = 15.0
    allow_test_roots: bool = False
    test_roots: tuple[str, ...] = ()
    """SHA-256 of root certificates that lead to trust Test, if test roots are allowed."""
    allow_private_addresses: bool = False
    priority_class: str = ""
    lease: str = "cocoon-fleet"
    lease_seconds: float = 12.0
    identity_secret: str = "cocoon-fleet-operator-identity"  # noqa: S105 - a Secret's name
    listen: str = "0.0.0.0"  # noqa: S104 - a Pod's probes and scrapes come from outside of it
    port: int = 8080
    runner_port: int = 8443
    relist_seconds: float = 300.0
    foreign_seconds: float = 30.0
    concurrency: int = 64
    log_format: str = "json"
    log_level: str = "INFO"


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Settings from flags, else from COCOON_FLEET_* variables, else their defaults. Ends the process on nonsense."""
    parser = _parser(environment)
    found = vars(parser.parse_args(arguments))
    found["namespaces"] = tuple(name for name in found["namespaces"].split(",") if name)
    found["test_roots"] = tuple(root for root in found["test_roots"].split(",") if root)
    try:
        found["collateral"] = read_places(found["collateral"])
        found["runner_collateral"] = _elsewhere(found["runner_collateral"] or ",".join(found["collateral"]))
    except ValueError as error:
        parser.error(str(error))
    found["keyrings"] = tuple(
        address.strip().rstrip("/") for address in found["keyrings"].split(",") if address.strip()
    )
    found["keyring_measurements"] = tuple(name for name in found["keyring_measurements"].split(",") if name)
    return Settings(**found)


def _elsewhere(places: str) -> tuple[str, ...]:
    """Places that other Pods have too. Raises ValueError."""
    return tuple(place for place in read_places(places) if not place.startswith("/"))


class _Flags:
    """Adds flags to a parser, each with its environment variable."""

    def __init__(self, parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._parser = parser
        self._environment = environment

    def add(self, name: str, text: str, default: str | float | None = "", kind: type = str) -> None:
        """A flag with this help; what the environment says of it goes before the default."""
        variable = PREFIX + name.upper().replace("-", "_")
        given = self._environment.get(variable)
        shown = f"{text} [{variable}]"
        if kind is bool:
            self._parser.add_argument(f"--{name}", action="store_true", default=given == "true", help=shown)
        else:
            self._parser.add_argument(f"--{name}", type=kind, default=kind(given) if given else default, help=shown)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cocoon-fleet", description="The operator of Cocoon Fleet.")

    flag = _Flags(parser, environment).add
    flag("namespace", "the operator's own namespace", environment.get("POD_NAMESPACE", "cocoon-system"))
    flag("identity", "this replica's name", environment.get("POD_NAME") or environment.get("HOSTNAME", "operator"))
    flag("runner-image", "image of the runner container", "cocoon-fleet/runner:dev")
    flag("kubeconfig", "log in with this file instead of the Pod's service account", environment.get("KUBECONFIG"))
    flag("namespaces", "comma-separated namespaces to serve (default: all)")
    flag("cluster-id", "names this cluster in receipts (default: the uid of the namespace kube-system)")
    flag("payout-url", "address of the payout service (default: none, jobs are free)")
    token = "/var/run/secrets/cocoon-payout/token"  # noqa: S105 - a file's name
    flag("payout-token-file", "service-account token for the payout service, of its audience", token)
    flag("payout-ca-file", "certificates that the payout service's is signed by (default: the system's)")
    flag("credit-seconds", "time between looks at clients' accounts", 5.0, float)
    flag("earnings-seconds", "time between looks at owners' earnings", 30.0, float)
    flag("collateral", "vendors, https addresses or folders, comma-separated, asked in order", "vendors")
    flag("collateral-cache", "folder for copies of what was fetched (default: none)")
    flag("runner-collateral", "the same for runners, without folders (default: as --collateral)")
    flag("keyrings", "https addresses of keyrings, comma-separated, the newest first (default: none)")
    flag("keyring-measurements", "measurements that keyrings must show, comma-separated; needed for trust Hardware")
    flag("keyring-seconds", "time between looks at keyrings", 15.0, float)
    flag("allow-test-roots", "accept development evidence; never in production", kind=bool)
    flag("test-roots", "SHA-256 of test root certificates, comma-separated; needs --allow-test-roots")
    flag("allow-private-addresses", "let runners fetch from private addresses", kind=bool)
    flag("priority-class", "priorityClassName of server Pods")
    flag("lease", "name of the leader's Lease", "cocoon-fleet")
    flag("lease-seconds", "how long a silent leader keeps its Lease", 12.0, float)
    flag("identity-secret", "Secret with the client certificate for runners", "cocoon-fleet-operator-identity")
    flag("listen", "address of metrics and probes", "0.0.0.0")  # noqa: S104 - scrapes come from outside of the Pod
    flag("port", "port of metrics and probes", 8080, int)
    flag("runner-port", "port of the runners' API", 8443, int)
    flag("relist-seconds", "time between full LISTs", 300.0, float)
    flag("foreign-seconds", "time between looks at other Pods' GPUs", 30.0, float)
    flag("concurrency", "actions under way at once", 64, int)
    flag("log-format", "json or text", "json")
    flag("log-level", "DEBUG, INFO, WARNING or ERROR", "INFO")
    return parser
