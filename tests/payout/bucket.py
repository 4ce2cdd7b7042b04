"""A real S3 server with TLS on a loopback port, by an authority of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cocoon.payout.archive import S3Settings
from devcluster.build import ensure
from devcluster.ports import free
from devcluster.screen import Screen

ACCESS, SECRET = "payout-access", "payout-secret-key"
BUCKET = "receipts"


@dataclass
class Server:
    """The server's process and how to use it."""

    process: asyncio.subprocess.Process
    settings: S3Settings


Issuer = tuple[x509.Name, ec.EllipticCurvePrivateKey]


def _issue(name: str, issuer: Issuer | None) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, now = issuer or (subject, key), dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(signer[0]).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(hours=1))
    made = made.not_valid_after(now + dt.timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = made.add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
    return made.sign(signer[1], hashes.SHA256()), key


def _certificates(folder: Path) -> None:
    authority, signing = _issue("test authority", None)
    leaf, key = _issue("s3", (authority.subject, signing))
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(authority.public_bytes(pem))
    (folder / "tls.crt").write_bytes(leaf.public_bytes(pem))
    form = serialization.PrivateFormat.PKCS8
    (folder / "tls.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))


@asynccontextmanager
async def s3_server(folder: Path) -> AsyncIterator[Server]:
    """With one empty bucket."""
    binary = (await asyncio.to_thread(ensure, ["versitygw"], Screen()))["versitygw"]
    _certificates(folder)
    (folder / "data" / BUCKET).mkdir(parents=True)
    for name, content in (("access", ACCESS), ("secret", SECRET)):
        (folder / name).write_text(content + "\n")
    [port] = free(1)
    flags = [f"--port=127.0.0.1:{port}", f"--cert={folder}/tls.crt", f"--key={folder}/tls.key", "-q", "posix"]
    environment = os.environ | {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET, "VGW_REGION": "us-east-1"}
    process = await asyncio.create_subprocess_exec(
        str(binary), *flags, str(folder / "data"), env=environment, stdout=asyncio.subprocess.DEVNULL, cwd=folder
    )
    settings = S3Settings(
        bucket=BUCKET,
        access_key_file=str(folder / "access"),
        secret_key_file=str(folder / "secret"),
        endpoint=f"https://127.0.0.1:{port}",
        ca_file=str(folder / "ca.crt"),
    )
    try:
        await _answers(port)
        yield Server(process, settings)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
