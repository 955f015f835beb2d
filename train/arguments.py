"""What the commands share: arguments, and errors in one line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vp.errors import ExplorerError
from vp.replacing import FULL


def bounded(kind: type[float], words: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    """The `type` of an argument that is a number with a bound: in words, and whether a number keeps it."""

    def number(text: str) -> float:
        value = kind(text)
        if not holds(value):
            raise argparse.ArgumentTypeError(f"must be {words}, not {text}")
        return value

    return number


above_zero = bounded(float, "above 0", lambda number: 0 < number < math.inf)
zero_or_more = bounded(float, "0 or more", lambda number: 0 <= number < math.inf)
at_least_one = bounded(int, "at least 1", lambda number: number >= 1)


def add_data(parser: argparse.ArgumentParser, *, required: bool = True, more: str = "") -> None:
    """`--data`, which `find_data` of `train.data.clip_files` reads. A text: a path would lose a slash of hf://."""
    words = f"UCF101 folder (CLASS/v_CLASS_gXX_cYY.avi or .mp4), or hf://datasets/OWNER/NAME@REVISION{more}"
    parser.add_argument("--data", required=required, help=words)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Around a command, or on its function: ends it in one line for what its user can mend, and not in a traceback.
    That is every OSError, ValueError and `vp.errors.ExplorerError`; the functions that raise them know of no command.
    """
    try:
        yield
    except (OSError, ExplorerError, ValueError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        hint = ": free some space, or name another folder" if getattr(error, "errno", None) in FULL else ""
        raise SystemExit(f"error: {words}{hint}") from None
