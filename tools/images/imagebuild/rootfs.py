"""The root file system of the base image: Debian 12 with its Python, from Debian's own packages.

A stand-in for an image such as python:3.11-slim-bookworm where no registry can be reached.
"""

import os
from pathlib import Path

from imagebuild import host, paths
from imagebuild.screen import step

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "libexpat1", "libpython3.11", "libstdc++6", "python3", "python3-venv")
LEFT_OUT = ("doc", "info", "lintian", "locale", "man")
OPTIONS = (
    "--quiet",
    "--variant=minbase",
    f"--include={','.join(PACKAGES)}",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT),
    "--customize-hook=rm $1/etc/apt/sources.list",  # where this machine got its packages is nobody else's business
)


def fetch() -> Path:
    """The folder that holds rootfs.tar, made anew when the lists above change."""
    folder = paths.cache() / f"rootfs-{paths.fingerprint(SUITE, *OPTIONS)}"
    if not folder.exists():
        host.need({"mmdebstrap": "mmdebstrap"})
        with step("Debian packages of the base image"):
            paths.kept(folder, _make)
        paths.drop_others(folder)
    return folder


def _make(folder: Path) -> None:
    folder.mkdir()
    mirror = [address] if (address := os.environ.get("DEBIAN_MIRROR")) else []
    host.run("mmdebstrap", *OPTIONS, SUITE, folder / "rootfs.tar", *mirror)
