"""Windows that were read lately: who looks at one asks about it again, by another network or experiment."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

import numpy as np

from .reading import read

KEPT = 48_000_000  # bytes of all windows: those that the drawn clips begin with take half of it
_windows: OrderedDict[tuple, np.ndarray] = OrderedDict()
_lock = threading.Lock()


def read_again(path: str | os.PathLike, fps: float, start: float, frames: int) -> np.ndarray:
    """`read` at the size of display, not to be written to: a window that is kept is not decoded once more, unless its
    file has changed. Thread-safe. Raises VideoError."""
    try:
        file = os.stat(path)
    except OSError:
        return read(path, fps, start, frames)  # which says what is wrong
    key = (os.fspath(path), file.st_mtime_ns, file.st_size, fps, start, frames)
    with _lock:
        if key in _windows:
            _windows.move_to_end(key)
            return _windows[key]
    window = read(path, fps, start, frames)
    window.flags.writeable = False
    with _lock:
        _windows[key] = window
        while sum(one.nbytes for one in _windows.values()) > KEPT:
            _windows.popitem(last=False)
    return window
