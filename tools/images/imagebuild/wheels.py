"""Wheels, fetched once by the host's pip into the cache; images and environments install from there, without a network.

The host's pip knows the index, the proxy and the certificates; nothing of that goes any further than here.
"""

import shutil
from pathlib import Path

from imagebuild import host, paths
from imagebuild.screen import step

_QUIET = ("--disable-pip-version-check", "--quiet")


def folder() -> Path:
    """Where all wheels lie."""
    wheels = paths.cache() / "wheels"
    wheels.mkdir(exist_ok=True)
    return wheels


def fetch(requirements: Path) -> Path:
    """Make sure that all wheels of a requirements file, and a pip to install them, are there; give their folder."""
    paths.kept(folder() / "pip", _copy_pip)
    stamp = folder() / f".{requirements.stem}-{paths.fingerprint(requirements)}"
    if not stamp.exists():
        with paths.making(stamp):
            if not stamp.exists():
                _fetch(requirements)
                stamp.touch()
        paths.drop_others(stamp)
    return folder()


def _fetcher() -> Path:
    return paths.kept(paths.cache() / "fetcher", _environment)


def _copy_pip(folder: Path) -> None:
    """For images, whose Python has none of its own: it must not stay in them."""
    packages = next(_fetcher().glob("lib/python3*/site-packages"))
    shutil.copytree(packages / "pip", folder / "pip", ignore=shutil.ignore_patterns("__pycache__"))


def _fetch(requirements: Path) -> None:
    pip = _fetcher() / "bin" / "python"
    with step(f"wheels of {requirements.relative_to(paths.REPOSITORY)}"):
        options = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--find-links", folder())
        host.run(pip, "-m", "pip", "download", *_QUIET, *options, "-d", folder(), "-r", requirements)


def environment(name: str, *requirements: Path) -> Path:
    """A virtual environment of the host with exactly these requirements, kept until they change."""
    path = environment_path(name, *requirements)
    complete = path / ".complete"  # it can't be moved into place when it is done: its programs name their folder
    if not complete.exists():
        for file in requirements:
            fetch(file)
        with paths.making(path):
            if not complete.exists():
                with step(f"environment {name}"):
                    shutil.rmtree(path, ignore_errors=True)
                    _environment(path)
                    _install(path, *requirements)
                complete.touch()
        paths.drop_others(path)
    return path


def environment_path(name: str, *requirements: Path) -> Path:
    """Where `environment` puts it."""
    return paths.cache() / f"{name}-{paths.fingerprint(*requirements)}"


def _install(environment: Path, *requirements: Path) -> None:
    options = ("--no-deps", "--no-index", "--require-hashes", "--find-links", folder())
    files = [option for file in requirements for option in ("-r", file)]
    host.run(environment / "bin" / "python", "-m", "pip", "install", *_QUIET, *options, *files)


def _environment(path: Path) -> None:
    host.run(host.python(), "-m", "venv", path)
