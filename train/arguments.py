"""What the commands share: arguments, and errors in one line."""

from __future__ import annotations

import argparse
import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager

from vp.errors import ExplorerError


def above_zero(text: str) -> float:
    """A number above 0, e.g. of minutes; the `type` of an argument."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return value


def zero_or_more(text: str) -> float:
    """A number from 0 up."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def at_least_one(text: str) -> int:
    """A whole number from 1 up."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value


def add_data(parser: argparse.ArgumentParser, *, required: bool = True, more: str = "") -> None:
    """`--data`, which `find_data` of `train.data.clip_files` reads. A text: a path would lose a slash of hf://."""
    parser.add_argument(
        "--data",
        required=required,
        default=None,
        help="UCF101 folder (CLASS/v_CLASS_gXX_cYY.avi or .mp4), or hf://datasets/OWNER/NAME@REVISION" + more,
    )


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Around a command, or on its function: ends it in one line for what its user can mend, and not in a traceback.
    That is every OSError, ValueError and `vp.errors.ExplorerError`; the functions that raise them know of no command.
    """
    try:
        yield
    except OSError as error:
        hint = ": free some space, or name another folder" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise SystemExit(f"error: {_one_line(error)}{hint}") from None
    except (ExplorerError, ValueError) as error:
        raise SystemExit(f"error: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
