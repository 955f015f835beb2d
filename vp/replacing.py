"""Files that appear whole or not at all, and disks without room for them."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a full disk answers
LITTLE = 1_000_000  # bytes: a disk with less is called full


def disk_is_full(folder: str | os.PathLike) -> bool:
    """Whether next to nothing can be written into a folder; False for one that is not there yet."""
    try:
        return shutil.disk_usage(folder).free < LITTLE
    except OSError:
        return False


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place at the end, so that nobody sees half a file."""
    path = Path(path)
    part = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
