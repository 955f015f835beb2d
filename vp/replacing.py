"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place at the end, so that nobody sees half a file."""
    path = Path(path)
    handle, part = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        yield Path(part)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
