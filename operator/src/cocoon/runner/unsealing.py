"""A sealed input, opened as it streams: the header is asked for its terms first, and the keyring for its key.

Nothing is asked of the keyring unless what this runner was assigned (job, model, recipient of the answers) is what the
client has written into the header; and nothing is opened unless the header that comes back holds the same terms.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from cocoon.api.runner import JobAssignment
from cocoon.api.sealing import JobPolicy
from cocoon.attest import sealing
from cocoon.attest.age import armor, wrapping
from cocoon.attest.age import header as headers
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import Header
from cocoon.attest.age.payload import Opener
from cocoon.runner.endings import SEALED_FOR_ANOTHER, SEALED_INVALID, Stopped
from cocoon.runner.keyrings import Keyrings

_SEAL: Final = "Seal the input again with `kubectl cocoon seal`."


async def unsealed(job: JobAssignment, chunks: AsyncIterator[bytes], keyrings: Keyrings) -> AsyncIterator[bytes]:
    """The input's content. Raises Stopped."""
    try:
        raw, rest = await _beginning(chunks, inline=job.input.uri is None)
        opener = Opener(await _file_key(job, raw, keyrings))
        yield opener.push(rest)
        async for chunk in chunks:
            yield opener.push(chunk)
        yield opener.finish()
    except AgeError as error:
        raise Stopped(SEALED_INVALID, f"The sealed input can't be opened. {error} {_SEAL}") from None


async def _beginning(chunks: AsyncIterator[bytes], *, inline: bool) -> tuple[bytes, bytes]:
    """The header, and what was read of the payload with it. An inline input comes in one chunk, in armor."""
    held = b""
    async for chunk in chunks:
        held += armor.decode(chunk) if inline else chunk
        if not inline and armor.is_armored(held):
            raise AgeError("armor", "A file at an address is taken without armor only.")
        found = headers.split(held)
        if found is not None:
            return found
    raise AgeError("header", "The file ends within its header.")


async def _file_key(job: JobAssignment, raw: bytes, keyrings: Keyrings) -> bytes:
    policy = _policy(headers.parse(raw))
    _check(job, policy)
    fresh = headers.parse(await keyrings.release(job.keyrings, raw, policy))
    opened = wrapping.unwrap(fresh, [keyrings.keys.sealing])
    if _policy(fresh) != policy:
        raise AgeError("mac", "The keyring's header holds other terms than the client's.")
    return opened.file_key


def _policy(header: Header) -> JobPolicy:
    try:
        return sealing.policy_of(header)
    except sealing.NoPolicy as error:
        raise AgeError("header", str(error)) from None


def _check(job: JobAssignment, policy: JobPolicy) -> None:
    """Raise Stopped unless the client sealed the file for this job, this model and these answers."""
    for what, assigned, meant in (
        ("the job", f"{job.namespace}/{job.name}", f"{policy.namespace}/{policy.name}"),
        ("the model", job.model_sha256, policy.model),
        ("the recipient of the answers", job.output.seal_to or "nobody", policy.output),
    ):
        if assigned != meant:
            detail = f"The input is sealed for {what} {meant}, and this is {assigned}; it was not opened."
            raise Stopped(SEALED_FOR_ANOTHER, detail)
