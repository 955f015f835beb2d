"""Coroutines beside the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_aside(coroutine: Coroutine, seconds: float = 120) -> Any:
    """Run a coroutine to its end in a thread of its own: browser tests leave an event loop running in this one."""

    async def bounded() -> Any:
        return await asyncio.wait_for(coroutine, seconds)

    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, bounded()).result()
