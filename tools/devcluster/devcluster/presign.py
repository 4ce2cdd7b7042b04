"""Presigned URLs of S3: AWS Signature Version 4 in the query string.

Source: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """What signs; `region` must be the server's."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"


def presign(who: Credentials, method: str, url: str, now: datetime, seconds: int = 3600) -> str:
    """`url` (https://HOST/BUCKET/KEY, not encoded) with a signature good for `seconds` after `now` (UTC).

    Only the host is signed among the headers, so that whoever holds the URL may send any others.
    """
    scheme, _, rest = url.partition("://")
    host, _, name = rest.partition("/")
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    scope = f"{day}/{who.region}/s3/aws4_request"
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in (
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{who.access_key}/{scope}"),
            ("X-Amz-Date", stamp),
            ("X-Amz-Expires", str(seconds)),
            ("X-Amz-SignedHeaders", "host"),
        )
    )
    path = "/" + quote(name, safe="/~")
    request = f"{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = _signature(who, day, to_sign)
    return f"{scheme}://{host}{path}?{query}&X-Amz-Signature={signature}"


def _signature(who: Credentials, day: str, to_sign: str) -> str:
    key = f"AWS4{who.secret_key}".encode()
    for word in (day, who.region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
