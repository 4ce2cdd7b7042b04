"""Where models come from, and what is refused."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import structs

from cocoon.api.model_archive import write_model_archive
from cocoon.api.provider import ModelSource
from cocoon.api.runner import ModelAssignment
from tests.runner import kit
from tests.runner.https_files import Files

ECHO = kit.MODELS / "echo"


def archived(entry: Path) -> bytes:
    out = io.BytesIO()
    write_model_archive(entry, out)
    return out.getvalue()


def by_address(folder: Path, files: Files, **changes: str) -> ModelAssignment:
    source = ModelSource(uri=files.uri("echo.tar"), **changes)
    return structs.replace(kit.offer(folder, ECHO), source=source)


async def test_a_model_by_address(quick: kit.Operator, files: Files, tmp_path: Path) -> None:
    files.content["echo.tar"] = archived(ECHO)
    state = await quick.load(by_address(tmp_path, files))
    assert (state.state, state.detail) == ("Ready", "")
    names = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert names == [".staging", "echo"]
    assert (tmp_path / "models" / "echo" / "1" / "model.py").read_bytes() == (ECHO / "1" / "model.py").read_bytes()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("deep/copy", ""),
        ("deep/echo.tar", ""),
        ("deep/broken.tar", "SourceInvalid"),
        ("deep", "SourceInvalid"),  # it holds a link
        ("../../images/echo", "SourceInvalid"),
        ("nowhere", "SourceUnavailable"),
        ("deep/other", "DigestMismatch"),
    ],
)
async def test_a_model_from_a_claim(quick: kit.Operator, tmp_path: Path, path: str, code: str) -> None:
    deep = tmp_path / "sources" / "claims" / "weights" / "deep"
    shutil.copytree(ECHO, deep / "copy")
    shutil.copytree(kit.MODELS / "broken", deep / "other")
    (deep / "echo.tar").write_bytes(archived(ECHO))
    (deep / "broken.tar").write_bytes(archived(kit.MODELS / "broken"))
    (deep / "link").symlink_to(ECHO)
    model = kit.offer(tmp_path, ECHO, source=ModelSource(claim_name="weights", path=path))
    assert (await quick.load(model)).code == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (archived(ECHO)[:3000], "SourceInvalid"),
        (archived(kit.MODELS / "broken"), "SourceInvalid"),
        (b"no tar", "SourceInvalid"),
        (archived(ECHO).replace(b"#delay", b"#relax"), "DigestMismatch"),
        (None, "SourceUnavailable"),
    ],
)
async def test_a_model_that_is_not_what_it_should_be(
    quick: kit.Operator, files: Files, tmp_path: Path, content: bytes | None, code: str
) -> None:
    if content is not None:
        files.content["echo.tar"] = content
    state = await quick.load(by_address(tmp_path, files))
    assert (state.state, state.code) == ("Failed", code)
    assert "secret" not in state.detail
    assert not (tmp_path / "models" / "echo").exists()
    assert list((tmp_path / "models" / ".staging").iterdir()) == []


@pytest.mark.parametrize(
    ("held", "sent"),
    [({"token": "t0ken\n"}, "Bearer t0ken"), ({"username": "u", "password": "p"}, "Basic dTpw"), ({}, None)],
)
async def test_credentials_are_sent(
    quick: kit.Operator, files: Files, tmp_path: Path, held: dict[str, str], sent: str | None
) -> None:
    seen: list[str | None] = []

    async def archive(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=archived(ECHO))

    files.handlers["echo.tar"] = archive
    folder = tmp_path / "credentials" / "registry"
    folder.mkdir(parents=True)
    for name, value in held.items():
        (folder / name).write_text(value)
    state = await quick.load(by_address(tmp_path, files, credentials_secret="registry"))
    assert (state.code, seen) == (("", [sent]) if sent else ("CredentialsMissing", []))
