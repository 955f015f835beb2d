"""A moment of one filter: which other filters behave alike then, and where else it behaves so again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import RequestError
from ..limits import FPS, is_whole
from ..models import BLOCKS, KERNELS
from ..rollout import Rollout
from .index import Index, filter_paths, filter_row

# Of fewer steps any two courses are alike.
SHORTEST = 3
# A course whose standard deviation is smaller than that is constant: what is left are roundings.
CONSTANT = 1e-4
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Course:
    """The mean state of a filter over a part of the frame, step by step.

    path: "C1.3x3.7". curve: float32 [steps]. correlation: with the marked one, in [-1, 1] (Pearson).
    """

    path: str
    curve: np.ndarray
    correlation: float


@dataclass(frozen=True)
class Alike:
    """marked: the course that was asked about; others: the ones most like it or most opposed to it first."""

    marked: Course
    others: list[Course]


@dataclass(frozen=True)
class Again:
    """A stretch of a clip in which a filter does again what it did.

    clip: its id. start: seconds where the memory was empty; step: frames after it, where the stretch begins. curve:
    float32 [steps]. correlation: with the marked curve, in (0, 1].
    """

    clip: str
    start: float
    step: int
    curve: np.ndarray
    correlation: float

    @property
    def time(self) -> float:
        """Seconds into the clip at which the stretch begins."""
        return self.start + self.step / FPS


def course(
    rollout: Rollout,
    block: str,
    kernel: str,
    filter: int,
    region: tuple[float, float, float, float] = WHOLE,
) -> np.ndarray:
    """The mean state of one filter over a part of the frame at every step of a rollout, float32 [steps].

    region: as in `alike`. Raises RequestError for what is not there or an empty region.
    """
    filter_row(_widths(rollout), block, kernel, filter)
    return _means(rollout.states[block][kernel][:, [filter]], region)[0]


def alike(
    rollout: Rollout,
    block: str,
    kernel: str,
    filter: int,
    first: int,
    last: int,
    region: tuple[float, float, float, float] = WHOLE,
    count: int = 8,
) -> Alike:
    """The filters of all blocks whose mean state over a part of the frame goes most like that of one filter, or most
    against it, from step `first` to step `last` of a rollout; those that do not change are left out.

    region: (top, left, bottom, right) as shares of the frame, 0 to 1; of a map all places that it touches. Raises
    RequestError for what is not there, fewer than `SHORTEST` steps, an empty region or a filter that does not change.
    """
    widths = _widths(rollout)
    row = filter_row(widths, block, kernel, filter)
    if not is_whole(first) or not is_whole(last) or first < 0 or not first + SHORTEST - 1 <= last < rollout.steps:
        raise RequestError(
            f"Mark at least {SHORTEST} steps between 0 and {rollout.steps - 1}, not those from {first!r} to {last!r}."
        )
    curves = np.concatenate(
        [_means(rollout.states[name][size][first : last + 1], region) for name in BLOCKS for size in KERNELS]
    )
    changing = curves.std(axis=1) >= CONSTANT
    paths = filter_paths(widths)
    if not changing[row]:
        raise RequestError(f"{paths[row]} does not change there: mark other steps, another part or another filter.")
    directions = _directions(curves)
    correlations = np.where(changing, directions @ directions[row], 0)
    order = [k for k in np.argsort(-np.abs(correlations), kind="stable") if changing[k] and k != row]
    others = [Course(paths[k], curves[k], float(correlations[k])) for k in order[:count]]
    return Alike(Course(paths[row], curves[row], 1.0), others)


def again(
    index: Index,
    block: str,
    kernel: str,
    filter: int,
    curve: np.ndarray,
    *,
    fps: float = FPS,
    marked: tuple[str, float] | None = None,
    count: int = 6,
) -> list[Again]:
    """Where in an index the mean state of a filter over the whole map runs like a curve, whatever its height and size:
    normalised cross-correlation, the most alike first, stretches that do not overlap.

    curve: [steps], `fps` of them a second, e.g. `Alike.marked.curve`. marked: (clip, second) where the curve itself
    comes from, which is left out. Raises RequestError for what is not there, a constant curve and one of a length that
    no passage has.
    """
    row = index.row(block, kernel, filter)
    wanted = _resampled(curve, fps)
    size = len(wanted)
    longest = max(passage.steps for passage in index.passages)
    if not SHORTEST <= size <= longest:
        raise RequestError(
            f"Mark {SHORTEST / FPS:g} to {longest / FPS:g} seconds: that is how long the stretches to compare with are."
        )
    if wanted.std() < CONSTANT:
        raise RequestError("A curve that does not change is like every other: mark other steps.")
    direction = _directions(wanted[None])[0]
    matches: list[Again] = []
    for n, (passage, begin) in enumerate(zip(index.passages, index.begins, strict=True)):
        if passage.steps < size:
            continue
        middle, step = index.scales[row, n]
        course = middle + step * index.courses[row, begin : begin + passage.steps].astype(np.float32)
        stretches = np.lib.stride_tricks.sliding_window_view(course, size)
        correlations = np.where(stretches.std(axis=1) >= CONSTANT, _directions(stretches) @ direction, 0)
        matches += [
            Again(passage.clip, passage.start, int(at), stretches[at].copy(), float(correlations[at]))
            for at in np.flatnonzero(correlations > 0)
        ]
    taken = {marked[0]: [marked[1]]} if marked else {}
    best: list[Again] = []
    for one in sorted(matches, key=lambda one: -one.correlation):
        if len(best) == count:
            break
        times = taken.setdefault(one.clip, [])
        if all(abs(one.time - time) * FPS > size - 0.5 for time in times):
            times.append(one.time)
            best.append(one)
    return best


def _widths(rollout: Rollout) -> list[int]:
    """Filters of a ConvGRU of each block."""
    if not rollout.states:
        raise RequestError("This rollout has kept nothing of what went on inside: predict once more.")
    return [rollout.states[name][KERNELS[0]].shape[1] for name in BLOCKS]


def _means(states: np.ndarray, region: tuple[float, float, float, float]) -> np.ndarray:
    """[steps, C, h, w] -> float32 [C, steps], the mean over the places that a region touches."""
    height, width = states.shape[2:]
    if len(region) != 4 or not np.isfinite(region).all():
        raise RequestError("A region is four finite numbers: top, left, bottom, right in shares of the frame.")
    top, left, bottom, right = np.clip(region, 0, 1).tolist()
    if bottom <= top or right <= left:
        raise RequestError(
            "The region is empty: take a larger one, as top, left, bottom, right in shares of the frame."
        )
    rows = slice(math.floor(top * height), math.ceil(bottom * height))
    columns = slice(math.floor(left * width), math.ceil(right * width))
    return states[:, :, rows, columns].mean(axis=(2, 3), dtype=np.float32).T


def _directions(curves: np.ndarray) -> np.ndarray:
    """Curves [N, steps] without their mean, of unit length: their products are Pearson's correlations."""
    centred = curves - curves.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def _resampled(curve: np.ndarray, fps: float) -> np.ndarray:
    """A curve at `FPS` values a second."""
    curve = np.asarray(curve, dtype=np.float32)
    if curve.ndim != 1 or not len(curve) or not np.isfinite(curve).all() or not (math.isfinite(fps) and fps > 0):
        raise RequestError("A curve is finite numbers in a row, at a frame rate above 0.")
    times = np.arange(len(curve)) / fps
    count = math.floor(times[-1] * FPS + 1e-6) + 1
    return np.interp(np.arange(count) / FPS, times, curve).astype(np.float32)
