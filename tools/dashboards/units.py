"""Values as Grafana writes them, in its words for units."""

from __future__ import annotations

from typing import Final

_TIMES: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_BYTES: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SHORT: Final = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_RATES: Final = {"ops": " ops/s", "reqps": " req/s"}


def written(value: float, unit: str) -> str:
    """A value with at most three digits and its unit."""
    if unit == "s":
        return _scaled(value, _TIMES, " ")
    if unit == "bytes":
        return _scaled(value, _BYTES, " ")
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit.startswith("suffix:"):
        return f"{value:.3g} {unit.removeprefix('suffix:')}"
    return _scaled(value, _SHORT, "") + _RATES.get(unit, "")


def _scaled(value: float, steps: tuple[tuple[float, str], ...], gap: str) -> str:
    for size, name in steps:
        if abs(value) >= size:
            return f"{value / size:.3g}{gap}{name}"
    return f"{value:.3g}"
