"""Values of the chart with a payout service, as an administrator would write them."""

from __future__ import annotations

import json
from typing import Any, Final

Values = dict[str, Any]
OPERATOR: Final = "system:serviceaccount:cocoon-system:cocoon-fleet"
CLUSTER: Final = {
    "id": "6f1c0a52-0000-4000-8000-000000000000",
    "issuer": "https://kubernetes.default.svc.cluster.local",
    "keys": {"keys": [{"use": "sig", "kty": "RSA", "kid": "one", "alg": "RS256", "n": "AQAB", "e": "AQAB"}]},
    "callers": [{"subject": OPERATOR, "rights": ["report", "read"]}],
}
#: Two lite-servers: 5.9.10.47 and 135.181.140.212, whose number is negative.
GLOBAL_CONFIG: Final = {
    "@type": "config.global",
    "liteservers": [
        {"ip": 84478511, "port": 19949, "id": {"@type": "pub.ed25519", "key": "A" * 43 + "="}},
        {"ip": -2018145068, "port": 13206, "id": {"@type": "pub.ed25519", "key": "B" * 43 + "="}},
    ],
    "validator": {"@type": "validator.config.global"},
}
#: Play money on a chain of the release's own.
LOCAL: Final[Values] = {
    "development": True,
    "localton": {"enabled": True},
    "payout": {
        "enabled": True,
        "clusters": [CLUSTER],
        "policy": {"trust": "Test", "requireGpu": False, "priceCaps": {"*": {"perMillionItems": "1000000"}}},
        "wallet": {"existingSecret": "payout-wallet"},
    },
}
#: Real money, with PostgreSQL.
REAL: Final[Values] = {
    "payout": {
        "enabled": True,
        "clusters": [CLUSTER],
        "chain": {"globalConfig": json.dumps(GLOBAL_CONFIG)},
        "policy": {"dailyCap": "5000000000000"},
        "wallet": {"existingSecret": "payout-wallet"},
        "database": {"existingSecret": "payout-database", "peers": [{"podSelector": {"matchLabels": {"app": "pg"}}}]},
        "tls": {"existingSecret": "payout-tls"},
    },
}
#: A launch measurement.
GUEST: Final = "ab" * 48
_POLICY: Final = {"measurements": [GUEST], "tdx": {"minimum_tcb_date": 1_750_000_000}}
KEYRING: Final[Values] = {"keyring": {"enabled": True, "terms": {"runners": _POLICY, "keyrings": _POLICY}}}
_TEST: Final = {"trust": "Test", "allow_test_roots": True}
#: For machines without TEEs.
TEST_KEYRING: Final[Values] = {
    "development": True,
    "keyring": {"enabled": True, "terms": {"runners": _TEST, "keyrings": _TEST}},
}


#: What an administrator may add to each part.
EXTRAS: Final[Values] = {
    "extraLabels": {"team": "inference"},
    "extraAnnotations": {"example.com/seen": "yes"},
    "extraEnv": [{"name": "EXTRA", "valueFrom": {"secretKeyRef": {"name": "extra", "key": "word"}}}],
    "extraVolumes": [{"name": "extra", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
}
_SPREAD: Final = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
#: Everything at once, as a site that reaches the world through a proxy would have it.
FULL: Final[Values] = {
    **EXTRAS,
    "topologySpreadConstraints": _SPREAD,
    "global": {"imageRegistry": "registry.example:5000/mirror"},
    "image": {"pullSecrets": [{"name": "registry"}]},
    "proxy": {"httpsProxy": "http://proxy.example:3128", "noProxy": "inside.example"},
    "caBundle": {"configMap": "authorities"},
    "payout": {
        **REAL["payout"],
        **EXTRAS,
        "archiveBucket": {
            "bucket": "receipts",
            "existingSecret": "payout-archive",
            "endpoint": "https://s3.inside.example:9000",
        },
    },
    "keyring": {**KEYRING["keyring"], **EXTRAS, "topologySpreadConstraints": _SPREAD},
    "networkPolicy": {"operatorCallers": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
}
#: All of them by name.
SETS: Final[dict[str, Values]] = {
    "plain": {},
    "local": LOCAL | {"keyring": TEST_KEYRING["keyring"]},
    "real": REAL,
    "keyring": KEYRING,
    "full": FULL,
}


def changed(values: Values, path: str, value: object) -> Values:
    """A copy with one value changed, named by its keys with dots between them."""
    copied: Values = json.loads(json.dumps(values))
    *way, last = path.split(".")
    place = copied
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return copied
