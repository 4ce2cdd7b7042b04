"""A small OCI archive of one image, made by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

LABELS = {
    "org.opencontainers.image.title": "cocoon-fleet/keyring",
    "org.opencontainers.image.version": "0.1.0",
    "org.opencontainers.image.description": "Cocoon Fleet, keyring",
    "org.opencontainers.image.licenses": "Apache-2.0",
}
STATUS = """Package: libc6
Source: glibc
Version: 2.36-9+deb12u10
Architecture: amd64

Package: libc-bin
Source: glibc (2.36-9)
Version: 2.36-9+deb12u10
Architecture: amd64

Package: dash
Version: 0.5.12-2
Architecture: amd64
"""
DEBIAN = {
    "./var/lib/dpkg/status": STATUS,
    "./usr/share/doc/libc6/copyright": "Format: x\n\nFiles: *\nLicense: LGPL-2.1+\n\nFiles: a\nLicense: BSD-3-clause\n",
    "./usr/share/doc/dash/copyright": "It is free; see /usr/share/common-licenses/GPL-2.\n",
}
PYTHON = {
    "opt/venv/lib/python3.11/site-packages/aio_http-3.1.dist-info/METADATA": (
        "Metadata-Version: 2.4\nName: Aio_Http\nVersion: 3.1\nLicense-Expression: Apache-2.0 AND MIT\n\nLicense: GPL\n"
    ),
}


def write(path: Path, *layers: dict[str, str], labels: dict[str, str] | None = None) -> Path:
    """The archive of an image with these layers ({path: text}); Debian's and one distribution's if none is given."""
    blobs: dict[str, bytes] = {}
    packed = [_blob(blobs, gzip.compress(_tar(layer), mtime=0)) for layer in layers or (DEBIAN, PYTHON)]
    config = _blob(blobs, _json({"config": {"Labels": LABELS if labels is None else labels}}))
    manifest = _blob(blobs, _json({"config": {"digest": config}, "layers": [{"digest": each} for each in packed]}))
    files = {f"blobs/{name.replace(':', '/')}": content for name, content in blobs.items()}
    path.write_bytes(_tar(files | {"index.json": _json({"manifests": [{"digest": manifest}]})}))
    return path


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _blob(blobs: dict[str, bytes], content: bytes) -> str:
    name = f"sha256:{hashlib.sha256(content).hexdigest()}"
    blobs[name] = content
    return name


def _tar(files: dict[str, str] | dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()
