"""The root file system of the base image: Debian 12 with its Python, from Debian's own packages.

A stand-in for an image such as python:3.11-slim-bookworm where no registry can be reached.
"""

import os
from pathlib import Path

from imagebuild import host, paths
from imagebuild.screen import step

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "libexpat1", "libpython3.11", "libstdc++6", "python3", "usr-is-merged")
LEFT_OUT = ("doc", "info", "lintian", "locale", "man")
#: What /usr is merged with, and the whole of Perl for it; needed once. (perl-base is essential and stays.)
USED_UP = (
    "usrmerge libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl "
    "perl perl-modules-5.36 libperl5.36 libgdbm-compat4 libgdbm6"
)
#: What is this machine's own business: where it got its packages, what it is called, whom it asks for names. Containers
#: get the last two from their nodes.
OF_THIS_MACHINE = "rm $1/etc/apt/sources.list; : >$1/etc/hostname; : >$1/etc/resolv.conf"
OPTIONS = (
    "--quiet",
    "--variant=essential",
    f"--include={','.join(PACKAGES)}",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",  # licences ask for it, and the SBOM reads them
    f'--customize-hook=chroot "$1" dpkg --purge {USED_UP}',
    f"--customize-hook={OF_THIS_MACHINE}",
)


def fetch() -> Path:
    """The folder that holds rootfs.tar, made again when the lists above change."""
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
    reproducible = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    host.run("mmdebstrap", *OPTIONS, SUITE, folder / "rootfs.tar", *mirror, environment=reproducible)
