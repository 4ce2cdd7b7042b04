"""Who calls: a Kubernetes service-account token, believed only by keys pinned for its cluster.

Every cluster calls itself `https://kubernetes.default.svc…`, so the issuer's name proves nothing: what counts is whose
pinned key signed. A caller is a pair of key set and exact subject, and has the rights that the settings give this pair.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from msgspec import Struct

from cocoon.api.times import Instant
from cocoon.payout.auth.key_sets import ClusterKeys
from cocoon.payout.settings import ClusterSettings, Right, Settings

#: What Kubernetes signs with; never a symmetric algorithm, never none.
ALGORITHMS: Final = ("RS256", "ES256", "ES384", "ES512")
#: How far our clock and the API server's may differ, in seconds.
LEEWAY: Final = 10
_MOST_CHARACTERS: Final = 16_384


class Unauthenticated(Exception):
    """The token proves nothing; the message says why, without any of it."""


class Forbidden(Exception):
    """The caller is known for who it is, and may not do this."""


class Known(Struct, frozen=True):
    """A caller: of which cluster, which subject, with which rights."""

    cluster: str
    subject: str
    rights: frozenset[Right]

    @property
    def name(self) -> str:
        """Who that is, for those who read the books."""
        return f"{self.cluster}/{self.subject}"

    @property
    def sees_all(self) -> bool:
        """Whether it may read what is not of its own cluster."""
        return "administer" in self.rights


class _Header(Struct):
    kid: str = ""


class _Claims(Struct):
    iss: str = ""


class Callers:
    """Tells callers by their tokens."""

    def __init__(self, settings: Settings, now: Callable[[], Instant]) -> None:
        self._audience = settings.audience
        self._now = now
        self._clusters = [(each, ClusterKeys(each.keys, now)) for each in settings.clusters]

    async def identify(self, token: str) -> Known:
        """Whose token this is. Raises Unauthenticated, or Forbidden for a subject that has no rights here."""
        kid, issuer = _unproven(token)
        for cluster, keys in self._clusters:
            key = await keys.find(kid) if issuer == cluster.issuer else None
            if key is None:
                continue
            try:
                claims = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
            except (JoseError, ValueError, TypeError):
                continue
            self._check(claims, cluster.issuer)
            return _known(cluster, claims)
        raise Unauthenticated("The token is not signed by a key of a cluster that is known here.")

    def _check(self, claims: Mapping[str, Any], issuer: str) -> None:
        rules = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            rules.validate(dict(claims))
        except JoseError as error:
            raise Unauthenticated(
                f"The token is refused: {error.error}. It must be of this audience and not expired."
            ) from None
        except (TypeError, ValueError):
            raise Unauthenticated("The token's claims can't be read.") from None


def _unproven(token: str) -> tuple[str, str]:
    """Key id and issuer as the token says. Raises Unauthenticated."""
    parts = token.split(".")
    if len(token) > _MOST_CHARACTERS or len(parts) != 3:
        raise Unauthenticated("The token is no JWT: present a service-account token as Bearer.")
    try:
        header = msgspec.json.decode(_decode(parts[0]), type=_Header)
        return header.kid, msgspec.json.decode(_decode(parts[1]), type=_Claims).iss
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise Unauthenticated("The token is no JWT: present a service-account token as Bearer.") from None


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _known(cluster: ClusterSettings, claims: Mapping[str, Any]) -> Known:
    for caller in cluster.callers:
        if caller.subject == claims["sub"]:
            return Known(cluster.id, caller.subject, frozenset(caller.rights))
    raise Forbidden("This service account has no rights here: an administrator grants them in the settings.")
