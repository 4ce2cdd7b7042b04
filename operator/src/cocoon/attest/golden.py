"""Comparing what was measured of a guest with the golden values that a policy lists."""

from __future__ import annotations

from msgspec import Struct

from cocoon.api.provider import Measurement
from cocoon.api.trust import Trust
from cocoon.attest.findings import Findings
from cocoon.attest.policy import Policy


class Measured(Struct, frozen=True):
    """What a TEE measured, in hex: the launch (MRTD or SNP measurement), init data (MRCONFIGID or HOST_DATA), RTMRs."""

    launch: str
    config: str
    registers: tuple[str, ...] = ()


def check(measured: Measured, policy: Policy, findings: Findings) -> None:
    """Note it unless the policy accepts this guest."""
    if not policy.guests and not policy.measurements:
        findings.check(
            policy.trust is Trust.TEST,
            "NoMeasurements",
            f"The policy lists no measurements, so it accepts no guest; this one's is {measured.launch}, "
            f"with init data {measured.config}. Add it if you built it.",
        )
        return
    if measured.launch in policy.measurements:
        return
    alike = [guest for guest in policy.guests if measured.launch in (guest.mr_td, guest.launch_measurement)]
    if not findings.check(
        bool(alike), "MeasurementUnknown", f"The policy does not list the measurement {measured.launch}."
    ):
        return
    differences = [_differences(measured, guest) for guest in alike]
    if all(differences):
        findings.refuse("GuestMismatch", f"The guest's image is listed, but it differs in {' or '.join(differences)}.")


def _differences(measured: Measured, guest: Measurement) -> str:
    """In which values a guest differs from the listed one; empty if in none."""
    config = guest.mr_config_id or guest.host_data
    wrong = [f"init data ({measured.config})"] if config is not None and config != measured.config else []
    registers = zip(range(4), guest.rtmrs, measured.registers, strict=False)
    wrong += [f"RTMR{index} ({shown})" for index, listed, shown in registers if listed != shown]
    return " and ".join(wrong)
