"""Numbers on the command line, in the ranges that make sense: argparse refuses others in one line."""

from __future__ import annotations

import argparse
import math


def above_zero(text: str) -> float:
    """A number above 0, e.g. of minutes; the `type` of an argument."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return value


def at_least_one(text: str) -> int:
    """A whole number from 1 up."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value
