"""A job out of a file: manifests as they are (YAML or JSON), or JSON Lines, whose every line is checked here first.

A wrong line would otherwise be found when a server has been waited for and paid.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from cocoon.api.groups import API_VERSION, JOB_KIND
from cocoon.api.resources import Manifest
from cocoon.cli.amounts import nanoton
from cocoon.cli.failure import USAGE, Failure

#: Bytes that an object's input may have.
MOST_INLINE: Final = 32 << 10
_MARK: Final = "\N{BYTE ORDER MARK}".encode()
_ALMOST_A_NAME: Final = re.compile(r"[^a-z0-9]+")


class JobOptions(Struct, frozen=True):
    """What the command line says of jobs; None leaves it to the manifest, or to the API server's defaults."""

    model: str | None = None
    model_sha256: str | None = None
    name: str | None = None
    budget: str | None = None
    maximum_price: str | None = None
    parallelism: int | None = None
    priority: int | None = None
    deadline: str | None = None
    trust: str | None = None
    provider: tuple[str, ...] = ()
    input_uri: str | None = None
    output_uri: str | None = None


def jobs(file: Path, options: JobOptions) -> list[Manifest]:
    """The jobs that a file stands for. Raises Failure."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} can't be read: {error.strerror}.") from error
    if _is_manifest(file, raw):
        return [_changed(body, options) for body in _manifests(file, raw)]
    return [_changed(_from_lines(file, raw, options), options)]


def items(job: Manifest) -> int:
    """How many items a job has, if its input is in it; else 0."""
    text = str((job["spec"].get("input") or {}).get("inline") or "")
    return len(text.rstrip().split("\n")) if text.strip() else 0


def _is_manifest(file: Path, raw: bytes) -> bool:
    return file.suffix in (".yaml", ".yml") or (file.suffix == ".json" and b'"apiVersion"' in raw)


def _manifests(file: Path, raw: bytes) -> Iterator[Manifest]:
    # msgspec reads one document only.
    import yaml  # noqa: PLC0415 - takes a moment, and JSON Lines need none of it

    try:
        bodies = [body for body in yaml.safe_load_all(raw) if body is not None]
    except (yaml.YAMLError, UnicodeError) as error:
        raise Failure(f"{file} is no YAML: {' '.join(str(error).split())}.") from error
    for body in bodies:
        if not isinstance(body, dict) or (body.get("apiVersion"), body.get("kind")) != (API_VERSION, JOB_KIND):
            found = f"{body.get('apiVersion')} {body.get('kind')}" if isinstance(body, dict) else type(body).__name__
            raise Failure(f"{file} holds something else than {API_VERSION} {JOB_KIND}: {found}. Use kubectl for that.")
        if not isinstance(body.get("metadata"), dict) or not isinstance(body.get("spec"), dict):
            raise Failure(f"{file} holds a job without metadata or spec.")
        yield body
    if not bodies:
        raise Failure(f"{file} holds no job.")


def _from_lines(file: Path, raw: bytes, options: JobOptions) -> Manifest:
    if options.model is None:
        raise Failure(f"{file} is taken for JSON Lines: say which model answers them, with --model.", USAGE)
    _check_lines(file, raw)
    given: dict[str, str] = {"inline": raw.decode()}
    if options.input_uri:
        given = {"uri": options.input_uri, "sha256": hashlib.sha256(raw).hexdigest()}
    elif len(raw) > MOST_INLINE:
        raise Failure(
            f"{file} has {len(raw)} bytes, and an object takes {MOST_INLINE}: put it where runners can fetch it by "
            "https, and give that address with --input-uri. Answers then go to --output-uri, a presigned PUT."
        )
    metadata = {"name": options.name} if options.name else {"generateName": _stem(file)}
    spec: dict[str, Any] = {"model": options.model, "input": given, "output": {"configMap": {}}}
    return {"apiVersion": API_VERSION, "kind": JOB_KIND, "metadata": metadata, "spec": spec}


def _check_lines(file: Path, raw: bytes) -> None:
    """Raises Failure for the first line that no runner would take. Blank lines at the end are no lines."""
    if raw.startswith(_MARK):
        raise Failure(f"{file} begins with a byte-order mark, which no runner takes: save it as UTF-8 without one.")
    lines = raw.rstrip().split(b"\n")
    if lines == [b""]:
        raise Failure(f"{file} holds no line.")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise Failure(f"{file} line {number} is empty: every line is an item, so take it out.")
        try:
            item = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Failure(f"{file} line {number} is no JSON: {error}.") from error
        if not isinstance(item, dict) or not {"inputs", "custom_id"} & item.keys():
            advice = "an object with `inputs` (KServe v2) or with `custom_id` (OpenAI batch)"
            raise Failure(f"{file} line {number} is no inference request: it needs {advice}.")


def _stem(file: Path) -> str:
    return (_ALMOST_A_NAME.sub("-", file.stem.lower()).strip("-")[:40] or "job") + "-"


def _changed(body: Manifest, options: JobOptions) -> Manifest:
    """The job with what the command line says."""
    spec: dict[str, Any] = dict(body["spec"])
    named: dict[str, object] = {
        "model": options.model,
        "modelSHA256": options.model_sha256,
        "deadline": options.deadline,
    }
    named |= {"parallelism": options.parallelism, "priority": options.priority, "minimumTrust": options.trust}
    spec |= {name: value for name, value in named.items() if value is not None}
    if options.budget:
        spec["budget"] = _amount("--budget", options.budget)
    if options.maximum_price:
        spec["maximumPrice"] = {"perMillionItems": _amount("--maximum-price", options.maximum_price)}
    if options.provider:
        spec["providers"] = [_reference(text) for text in options.provider]
    if options.output_uri:
        spec["output"] = {"uri": options.output_uri}
    metadata = body["metadata"] | ({"name": options.name} if options.name else {})
    return body | {"spec": spec, "metadata": metadata}


def _reference(text: str) -> dict[str, str]:
    namespace, _, name = text.rpartition("/")
    return {"name": name} | ({"namespace": namespace} if namespace else {})


def _amount(option: str, text: str) -> str:
    try:
        return str(nanoton(text))
    except ValueError as error:
        raise Failure(f"{option}: {error}; or write TON, such as 0.5TON.", USAGE) from error
