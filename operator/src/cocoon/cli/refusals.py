"""What the API server refuses, as sentences that say what to do."""

from __future__ import annotations

from typing import Any

import msgspec

from cocoon.cli.failure import Failure, Forbidden, Missing, NotKnown

_KINDS_OF_OURS = ("CocoonProvider", "InferenceJob")


def refusal(status: int, raw: bytes, kind: str, name: str) -> Failure:
    """The failure that an answer of this status means; `raw` is a metav1.Status, or whatever was in the way."""
    told = _status(raw)
    message = str(told.get("message") or raw[:200].decode(errors="replace").strip() or f"status {status}")
    if status == 404:
        return _missing(told, kind, name)
    if status == 401:
        return NotKnown("The API server does not know you (401). Log in again, or choose another --context.")
    if status == 403:
        return Forbidden(f"You may not do this: {_ended(message)} Ask an administrator for the right.")
    return Failure(_refused(status, told, message, f"{kind} {name}"))


def _refused(status: int, told: dict[str, Any], message: str, what: str) -> str:
    match status:
        case 409 if told.get("reason") == "AlreadyExists":
            return f"{what} exists already: choose another name, or delete that one."
        case 409:
            return f"{what} was changed by somebody else at the same time: try again."
        case 400 | 422:
            return _invalid(told, message, what)
    return f"The API server answers {status}: {_ended(message)} Try again later."


def _status(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _missing(told: dict[str, Any], kind: str, name: str) -> Missing:
    """An object that is not there has a name in the details; a kind that is not there has none."""
    details = told.get("details") or {}
    if details.get("kind") == "namespaces" and kind != "Namespace":
        return Missing(f"There is no namespace {details.get('name')}. See which there are: kubectl get namespaces.")
    if details.get("name"):
        return Missing(f"There is no {kind} {name}. See which there are, and where: kubectl get {kind.lower()}s -A.")
    if kind in _KINDS_OF_OURS:
        return Missing(
            f"This cluster knows no {kind}: its definitions (CRDs) are not installed. Install Cocoon Fleet's chart, "
            "or choose another --context."
        )
    return Missing(f"The API server serves no {kind} here. Choose another --context.")


def _invalid(told: dict[str, Any], message: str, whose: str) -> str:
    causes = (told.get("details") or {}).get("causes") or []
    parts = [
        _cause(str(cause.get("field") or ""), str(cause["message"]))
        for cause in causes
        if cause.get("message") and "rules were not checked" not in cause["message"]
    ]
    what = "; ".join(dict.fromkeys(parts)) or message.rpartition("strict decoding error: ")[2]
    return f"{whose} is refused: {_ended(what)}"


def _cause(field: str, message: str) -> str:
    """Rules of whole objects have no field, which the API server writes as <nil>."""
    return f"{field}: {message}" if field not in ("", "<nil>") else message.removeprefix("Invalid value: ")


def _ended(text: str) -> str:
    return text if text.endswith((".", "!")) else f"{text}."
