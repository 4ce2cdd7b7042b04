"""What is asked of NVIDIA's library for NVSwitches, on its own: this file also runs inside Triton (cocoon.runner.gpus).

So it imports nothing but the standard library; `nscq` is the module `nscq_library`, or what stands in for it. That the
switches are locked is this guest's word, as in NVIDIA's own verifier: what their reports say of it is not documented.
"""

from typing import Any

#: Protected PCIe is enabled and locked: nobody changes it before the next reset.
LOCKED = 3


class SwitchFailure(Exception):
    """NVSwitches can't be asked; the message is a sentence that says what to do."""


def reports(nscq: Any, nonce: bytes) -> list[tuple[bytes, bytes]]:  # noqa: ANN401 - a module, or what stands in for it
    """A report and a certificate chain of each NVSwitch, about these 32 bytes. Raises SwitchFailure."""
    try:
        session = nscq.Session()
    except nscq.NSCQError as error:
        advice = "have libnvidia-nscq of the driver's version in the container that has the GPUs"
        raise SwitchFailure(f"NVSwitches can't be asked ({error}): {advice}.") from None
    try:
        switches = session.switches()
        if not switches:
            raise SwitchFailure("The driver knows no NVSwitch: check that the Pod was given all (nvidia.com/nvswitch).")
        return [_one(session, switch, nonce) for switch in switches]
    except nscq.NSCQError as error:
        raise SwitchFailure(f"An NVSwitch did not attest itself ({error}): check its driver and BIOS.") from None
    finally:
        session.close()


def _one(session: Any, switch: str, nonce: bytes) -> tuple[bytes, bytes]:  # noqa: ANN401 - a session of the library
    mode = session.mode(switch)
    if mode != LOCKED:
        text = f"NVSwitch {switch} is not locked in protected PCIe mode (its mode is {mode})"
        raise SwitchFailure(f"{text}: label its node nvidia.com/cc.mode=ppcie.")
    return session.report(switch, nonce), session.chain(switch)
