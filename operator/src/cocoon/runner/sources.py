"""A model's files, from wherever they are into this TEE: copied first, hashed here, and only then in Triton's reach."""

from __future__ import annotations

import asyncio
import base64
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from cocoon.api import model_archive
from cocoon.api.runner import ModelAssignment
from cocoon.runner.settings import Settings
from cocoon.runner.web import Web, WebError

STAGING: Final = ".staging"


class SourceError(Exception):
    """The model can't be had: a constant in CamelCase and a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Sources:
    """Brings models into Triton's repository."""

    def __init__(self, settings: Settings, web: Web) -> None:
        self._settings = settings
        self._web = web

    async def bring(self, assignment: ModelAssignment) -> Path:
        """Fetch, check and place a model; its folder in the repository. Raises SourceError."""
        async with self._staged() as staging:
            entry = await self._fetch(assignment, staging)
            await _check(entry, assignment.sha256)
            return await asyncio.to_thread(_place, entry, self._settings.models / assignment.name)

    @asynccontextmanager
    async def _staged(self) -> AsyncIterator[Path]:
        staging = self._settings.models / STAGING / uuid.uuid4().hex
        try:
            staging.mkdir(parents=True)
            yield staging
        except OSError as error:
            raise SourceError("SourceUnavailable", f"The model can't be copied: {error.strerror or error}.") from None
        finally:
            await asyncio.to_thread(shutil.rmtree, staging, ignore_errors=True)

    async def _fetch(self, assignment: ModelAssignment, staging: Path) -> Path:
        source = assignment.source
        if source.uri is not None:
            return await self._download(assignment, staging)
        origin = self._settings.sources / "images" / assignment.name
        if source.claim_name is not None:
            origin = _inside(self._settings.sources / "claims" / source.claim_name, source.path or "")
        if origin.is_file():
            return await _unpacked(origin, assignment.name, staging)
        if not origin.is_dir():
            raise SourceError("SourceUnavailable", f"{_looked_for(assignment)}: there is neither folder nor archive.")
        entry = staging / assignment.name
        await asyncio.to_thread(shutil.copytree, origin, entry, symlinks=True)
        return entry

    async def _download(self, assignment: ModelAssignment, staging: Path) -> Path:
        archive = staging / "archive.tar"
        try:
            async with self._web.get(assignment.source.uri or "", self._headers(assignment)) as chunks:
                await _save(archive, chunks)
        except WebError as error:
            raise SourceError("SourceUnavailable", f"The model can't be downloaded: {error}.") from None
        return await _unpacked(archive, assignment.name, staging)

    def _headers(self, assignment: ModelAssignment) -> dict[str, str]:
        secret = assignment.source.credentials_secret
        if secret is None:
            return {}
        folder = _inside(self._settings.credentials, secret)
        if (folder / "token").is_file():
            return {"Authorization": f"Bearer {(folder / 'token').read_text().strip()}"}
        if not (folder / "username").is_file() or not (folder / "password").is_file():
            detail = f"The Secret {secret!r} has neither `token` nor `username` and `password`."
            raise SourceError("CredentialsMissing", detail)
        user = (folder / "username").read_text().strip() + ":" + (folder / "password").read_text().strip()
        return {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SourceError("SourceInvalid", f"The path {name[:200]!r} leads out of its folder.")
    return path


async def _save(path: Path, chunks: AsyncIterator[bytes]) -> None:
    with path.open("xb") as file:
        async for chunk in chunks:
            await asyncio.to_thread(file.write, chunk)


async def _unpacked(archive: Path, model: str, staging: Path) -> Path:
    name = await asyncio.to_thread(_unpack, archive, staging)
    if name != model:
        raise SourceError("SourceInvalid", f"The archive holds the model {name[:80]!r}, not {model!r}.")
    return staging / name


def _looked_for(assignment: ModelAssignment) -> str:
    source = assignment.source
    if source.claim_name is None:
        return f"The image of the model {assignment.name} was looked for at /models/{assignment.name}"
    return f"The model {assignment.name} was looked for at {source.path!r} on the volume {source.claim_name}"


def _unpack(archive: Path, into: Path) -> str:
    try:
        with archive.open("rb") as file:
            return model_archive.unpack_model_archive(file, into)
    except model_archive.ArchiveError as error:
        raise SourceError("SourceInvalid", str(error)) from None


async def _check(entry: Path, sha256: str) -> None:
    try:
        found = await asyncio.to_thread(model_archive.digest_model_directory, entry)
    except model_archive.ArchiveError as error:
        raise SourceError("SourceInvalid", str(error)) from None
    if found != sha256:
        detail = f"The model's files have the digest {found}, not {sha256[:80]}; nothing of it was loaded."
        raise SourceError("DigestMismatch", detail)


def _place(entry: Path, target: Path) -> Path:
    if target.exists():
        shutil.rmtree(target)
    return entry.rename(target)
