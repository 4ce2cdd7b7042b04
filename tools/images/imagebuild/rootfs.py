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


def fetch() -> Path:
    """The folder that holds rootfs.tar, made anew when the list above changes."""
    folder = paths.cache() / f"rootfs-{paths.fingerprint(SUITE, *PACKAGES, *LEFT_OUT)}"
    if not folder.exists():
        host.need({"mmdebstrap": "mmdebstrap"})
        with step("Debian packages of the base image"):
            paths.kept(folder, _make)
        paths.drop_others(folder)
    return folder


def _make(folder: Path) -> None:
    folder.mkdir()
    without = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    options = ["--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", *without]
    mirror = [address] if (address := os.environ.get("DEBIAN_MIRROR")) else []
    host.run("mmdebstrap", *options, SUITE, folder / "rootfs.tar", *mirror)
