"""Timing on a machine that others use too: the fastest of several runs is the one that nobody disturbed."""

from __future__ import annotations

import time
from collections.abc import Callable

REPEATS = 5


def best(function: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds that the fastest of several calls takes, after one that warms up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def once(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def rates(functions: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """`best` of each, taken in turns: what disturbs the machine disturbs all of them alike."""
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(once(function))
    return {name: min(values) for name, values in times.items()}
