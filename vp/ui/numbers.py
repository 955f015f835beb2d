"""Numbers as they arrive from strangers."""

from __future__ import annotations

import math

from vp.errors import RequestError


def whole(value: object) -> int:
    """Numbers arrive as JSON: 10.0 is a whole number, 10.5 and "10" are not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or abs(value) > 1e9:
        raise RequestError(f"A whole number is needed, not {value!r}.")
    if int(value) != value:
        raise RequestError(f"A whole number is needed, not {value!r}.")
    return int(value)


def real(value: object) -> float:
    """A finite number. Raises RequestError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RequestError(f"A number is needed, not {value!r}.")
    return float(value)
