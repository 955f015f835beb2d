"""Memory that the C library keeps once a large request is over."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# Bytes by which a process may have grown since the last time: what one prediction takes, the next one takes again.
GROWTH = 110_000_000
HEAPS = 2
_ARENA_MAX = -8  # of glibc's malloc.h
_STATM = Path("/proc/self/statm")
_after = 0


def resident() -> int:
    """Bytes that this process holds in memory; 0 where that is not known (elsewhere than on Linux)."""
    try:
        return int(_STATM.read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def share_heaps() -> None:
    """Have all threads allocate from `HEAPS` heaps, in place of one for each that ever ran a network. Call it before
    there are threads."""
    if _STATM.exists() and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Give the system what glibc keeps for later, if the process has grown much since it last did.

    A heap with something left at its end stays as large as it ever was.
    """
    global _after
    if resident() > _after + GROWTH:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in musl
        if trim:
            trim(0)
        _after = resident()
