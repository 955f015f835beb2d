"""What one filter answers to: the moments that excite it most (its exemplars), and what it is for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import RequestError
from ..limits import FPS
from ..models import BLOCKS
from .index import DIRECTIONS, PEAKS, SIZES, Index


@dataclass(frozen=True)
class Moment:
    """A place of a filter's map at one step of a clip.

    clip: its id. start: seconds where the memory was empty; step: frames after it; row, column: on the block's map.
    value: of the state, its change or a gate there.
    """

    clip: str
    start: float
    step: int
    row: int
    column: int
    value: float

    @property
    def time(self) -> float:
        """Seconds into the clip."""
        return self.start + self.step / FPS


@dataclass(frozen=True)
class Polar:
    """A filter's mean state where something moved so.

    activation: float64 [sizes, directions] in [-1, 1], NaN where nothing did; sizes: pixels a frame from which each row
    counts, up to the next; directions: degrees, 0 to the right, 90 up. count: int64, alike, places of all steps.
    still: the mean where nothing moved.
    """

    activation: np.ndarray
    count: np.ndarray
    still: float
    sizes: tuple[float, ...] = SIZES
    directions: tuple[float, ...] = tuple(360 / DIRECTIONS * k for k in range(DIRECTIONS))


@dataclass(frozen=True)
class FilterProfile:
    """One filter over all clips of an index.

    path: "C2.5x5.7". moments: {"h", "z", "dh": the largest of its states, update gates and changes, by size, one a
    clip}. lost: {clip: dB of PSNR that a prediction lost without it}. polar: None for a network that matches nothing.
    """

    path: str
    moments: dict[str, list[Moment]]
    lost: dict[str, float]
    polar: Polar | None

    @property
    def mean_lost(self) -> float | None:
        """dB lost without it, the mean over the clips where that was tried; None where there are none."""
        return float(np.mean(list(self.lost.values()))) if self.lost else None


def exemplars(index: Index, block: str, kernel: str, filter: int, quantity: str = "h", count: int = 6) -> list[Moment]:
    """The moments at which a filter's state "h", update gate "z" or change "dh" is largest in size, the largest first,
    at most one of each clip. Raises RequestError for what is not there."""
    row = index.row(block, kernel, filter)
    if quantity not in PEAKS:
        raise RequestError(f"Exemplars are kept of {', '.join(PEAKS)}, not of {quantity!r}.")
    which = PEAKS.index(quantity)
    values, places = index.peaks[which, row].astype(np.float64), index.places[which, row]
    best: dict[str, Moment] = {}
    for n in np.argsort(-np.abs(values), kind="stable"):
        if len(best) == count:
            break
        passage = index.passages[n]
        moment = Moment(passage.clip, passage.start, *map(int, places[n]), float(values[n]))
        best.setdefault(passage.clip, moment)
    return list(best.values())


def filter_profile(index: Index, block: str, kernel: str, filter: int, count: int = 6) -> FilterProfile:
    """What excites a filter and what it is for. count: moments of each kind. Raises RequestError as `exemplars`."""
    row = index.row(block, kernel, filter)
    return FilterProfile(
        path=f"{block}.{kernel}.{filter}",
        moments={quantity: exemplars(index, block, kernel, filter, quantity, count) for quantity in PEAKS},
        lost=_by_clip(index, index.lost[row]),
        polar=_polar(index.answers[row], index.motions[BLOCKS.index(block)]),
    )


def _by_clip(index: Index, lost: np.ndarray) -> dict[str, float]:
    """The mean over the passages of each clip where something is known."""
    known: dict[str, list[float]] = {}
    for passage, value in zip(index.passages, lost.tolist(), strict=True):
        if np.isfinite(value):
            known.setdefault(passage.clip, []).append(value)
    return {clip: float(np.mean(values)) for clip, values in known.items()}


def _polar(sums: np.ndarray, counts: np.ndarray) -> Polar | None:
    if not counts.any():
        return None
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    shape = (len(SIZES), DIRECTIONS)
    return Polar(means[1:].reshape(shape), counts[1:].reshape(shape), float(means[0]))
