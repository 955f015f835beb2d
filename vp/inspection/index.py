"""An index of what every filter did on a set of clips, made once so that questions about all of them take no time.

Clips are cut into passages that begin with an empty memory and are no longer than a window of the page: what the index
says of a step can be looked at as it is, by predicting from the same start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import RequestError
from ..limits import is_whole
from ..metrics import psnr
from ..models import BLOCKS, KERNELS, Ladder
from ..models.silence import Part, masks
from ..predictor import Predictor

# What is looked for: the state, the update gate, and the change of the state.
PEAKS = ("h", "z", "dh")
DIRECTIONS = 8
# Sizes of motion in pixels a frame, from each to the next; what is slower than the first stands still.
SIZES = (0.25, 1.0, 2.0, 4.0)
MOTIONS = 1 + len(SIZES) * DIRECTIONS
TOGETHER = 32  # pictures that the decoder makes at once


@dataclass(frozen=True)
class Passage:
    """Frames of a clip that a network read, with an empty memory before them.

    clip: its id. start: seconds. steps: frames read, one every 1 / `vp.limits.FPS` seconds.
    """

    clip: str
    start: float
    steps: int


@dataclass(frozen=True)
class Index:
    """What the F filters of a network, those of C1.3x3 first, of C4.7x7 last, did in N passages.

    model: preset name. widths: filters of a ConvGRU in C1 to C4.
    peaks: float16 [3, F, N], the value of the largest size of each of `PEAKS` in each passage; a passage's first
        change, from nothing, does not count. places: uint16 [3, F, N, 3], its step, row and column.
    courses: int8 [F, steps of all passages], the state's mean over the map at each step, as scales[..., 0] + course *
        scales[..., 1]; scales: float32 [F, N, 2].
    lost: float32 [F, N], dB of PSNR lost by the last prediction of a passage without this filter; NaN where that was
        not tried.
    answers: float64 [F, MOTIONS], sum of the states over all steps (but first ones) and places where the match found
        this motion: none, then `SIZES` by `DIRECTIONS`, to the right first, then counter-clockwise. motions: int64
        [4, MOTIONS], how many places of a block those were; all zero for a network that matches nothing.
    """

    model: str
    widths: tuple[int, ...]
    passages: tuple[Passage, ...]
    peaks: np.ndarray
    places: np.ndarray
    courses: np.ndarray
    scales: np.ndarray
    lost: np.ndarray
    answers: np.ndarray
    motions: np.ndarray

    def row(self, block: str, kernel: str, filter: int) -> int:
        """Where a filter stands among the F. Raises RequestError if there is no such filter."""
        return filter_row(self.widths, block, kernel, filter)

    @property
    def begins(self) -> np.ndarray:
        """[N], where each passage begins in `courses`."""
        return np.cumsum([0, *(passage.steps for passage in self.passages)])[:-1]


def filter_row(widths: Sequence[int], block: str, kernel: str, filter: int) -> int:
    """Where a filter stands in the order of an `Index`. Raises RequestError if there is no such filter."""
    if block not in BLOCKS or kernel not in KERNELS:
        raise RequestError(
            f"There is no ConvGRU {block}.{kernel}: blocks are {', '.join(BLOCKS)}, kernels {', '.join(KERNELS)}."
        )
    place = BLOCKS.index(block)
    width = widths[place]
    if not is_whole(filter) or not 0 <= filter < width:
        raise RequestError(f"{block}.{kernel} has filters 0 to {width - 1}, not {filter!r}.")
    return len(KERNELS) * sum(widths[:place]) + KERNELS.index(kernel) * width + int(filter)


def filter_paths(widths: Sequence[int]) -> list[str]:
    """The names of all filters in the order of an `Index`: "C1.3x3.0", ..."""
    blocks = zip(BLOCKS, widths, strict=True)
    return [f"{block}.{kernel}.{filter}" for block, width in blocks for kernel in KERNELS for filter in range(width)]


def index_passage(
    predictor: Predictor, frames: np.ndarray, *, clip: str, start: float = 0.0, silence_each: bool = False
) -> Index:
    """The index of one passage: all of its frames but the last, which is what the last prediction is scored against.

    frames: [T, H, W, 3] as in `Predictor.run`, at `vp.limits.FPS`; T at least 3. clip, start: as in `Passage`.
    silence_each: also predict the last frame without each filter, from as many frames as the network was made for. That
    takes most of the time. Raises RequestError.
    """
    if isinstance(frames, np.ndarray) and len(frames) < 3:
        raise RequestError("A passage needs at least three frames: two to read and one to predict.")
    rollout = predictor.run(frames, seen=len(frames) - 1, horizon=1)
    peaks, places, courses = [], [], []
    for block in BLOCKS:
        for kernel in KERNELS:
            extremes = [_peak(rollout.activation(block, kernel, q), first=int(q == "dh")) for q in PEAKS]
            peaks.append(np.stack([values for values, _ in extremes]))
            places.append(np.stack([where for _, where in extremes]))
            courses.append(rollout.states[block][kernel].mean(axis=(2, 3), dtype=np.float32).T)
    small, scales = _quantised(np.concatenate(courses))
    answers, motions = _answers(predictor, rollout.seen_frames, rollout.states)
    count = len(small)
    return Index(
        model=predictor.name,
        widths=predictor.model.config.gru_widths,
        passages=(Passage(clip, start, rollout.seen),),
        peaks=np.concatenate(peaks, axis=1)[..., None].astype(np.float16),
        places=np.concatenate(places, axis=1)[:, :, None].astype(np.uint16),
        courses=small,
        scales=scales[:, None],
        lost=_lost(predictor, frames)[:, None] if silence_each else np.full((count, 1), np.nan, np.float32),
        answers=answers,
        motions=motions,
    )


def merge(indexes: Sequence[Index]) -> Index:
    """Indexes of one network as one, at least one of them. Raises RequestError for those of different networks."""
    if len({(index.model, index.widths) for index in indexes}) != 1:
        raise RequestError("Only indexes of one and the same network can be merged.")

    def joined(name: str, axis: int) -> np.ndarray:
        return np.concatenate([getattr(index, name) for index in indexes], axis=axis)

    return Index(
        model=indexes[0].model,
        widths=indexes[0].widths,
        passages=tuple(passage for index in indexes for passage in index.passages),
        peaks=joined("peaks", 2),
        places=joined("places", 2),
        courses=joined("courses", 1),
        scales=joined("scales", 1),
        lost=joined("lost", 1),
        answers=sum(index.answers for index in indexes),
        motions=sum(index.motions for index in indexes),
    )


def _peak(values: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Of [steps, C, h, w] from step `first` on: the values of the largest size [C] and where they are [C, 3]."""
    steps, filters, height, width = values[first:].shape
    flat = np.moveaxis(values[first:], 1, 0).reshape(filters, -1)
    at = np.abs(flat).argmax(axis=1)
    where = np.stack(np.unravel_index(at, (steps, height, width)), axis=1)
    return flat[np.arange(filters), at], where + [first, 0, 0]


def _quantised(courses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[F, steps] as int8 and [F, 2], the mean and the step."""
    middle = courses.mean(axis=1)
    step = np.abs(courses - middle[:, None]).max(axis=1) / 127
    small = np.rint((courses - middle[:, None]) / np.where(step > 0, step, 1)[:, None])
    return small.astype(np.int8), np.stack([middle, step], axis=1).astype(np.float32)


def motion_bins(displacement: Tensor) -> Tensor:
    """Which of `MOTIONS` displacements [N, 2, h, w] in pixels are: from the new frame back to
    the one before (x right, y down), so that what moved right has a negative x. -> int64 [N, h, w]."""
    right, up = -displacement[:, 0], displacement[:, 1]
    speed = torch.hypot(right, up)
    size = torch.bucketize(speed, torch.tensor(SIZES, device=speed.device), right=True)
    turn = torch.atan2(up, right) / (2 * torch.pi) * DIRECTIONS
    direction = turn.round().long() % DIRECTIONS
    return torch.where(size == 0, 0, 1 + (size - 1) * DIRECTIONS + direction)


def _answers(predictor: Predictor, seen: np.ndarray, states: dict) -> tuple[np.ndarray, np.ndarray]:
    """`Index.answers` and `Index.motions` of one passage."""
    model = predictor.model
    answers = np.zeros((len(KERNELS) * sum(model.config.gru_widths), MOTIONS))
    motions = np.zeros((len(BLOCKS), MOTIONS), dtype=np.int64)
    if model.config.design != "motion":
        return answers, motions
    with torch.inference_mode():
        x = torch.from_numpy(seen).permute(0, 3, 1, 2).to(predictor.device)
        observed = model.observe(x.contiguous(memory_format=torch.channels_last), batch=1)
    row = 0
    for place, block in enumerate(BLOCKS):
        # The first frame was compared with itself.
        bins = motion_bins(observed.displacement[block][1:].float().cpu()).flatten()
        motions[place] = torch.bincount(bins, minlength=MOTIONS).numpy()
        for kernel in KERNELS:
            h = torch.from_numpy(states[block][kernel][1:]).float().transpose(0, 1).flatten(1)
            sums = torch.zeros(len(h), MOTIONS).index_add_(1, bins, h)
            answers[row : row + len(h)] = sums.numpy()
            row += len(h)
    return answers, motions


def _lost(predictor: Predictor, frames: np.ndarray) -> np.ndarray:
    """dB that the prediction of the last frame loses without each filter, [F].

    While real frames come in no ConvGRU hears another, so only the one that loses a filter is run again, all its
    filters as one batch.
    """
    seen = min(predictor.default_seen, len(frames) - 1)
    window = predictor.resize(frames[-seen - 1 :])
    model, lost = predictor.model, []
    with torch.inference_mode():
        shown = window[:seen].to(predictor.device).contiguous(memory_format=torch.channels_last)
        observed = model.observe(shown, batch=1)
        columns, _, _ = model.remember(observed, None, batch=1)
        columns = {block: column[-1:] for block, column in columns.items()}
        last = observed.map(lambda x: x[-1:])
        untouched = psnr(_decoded(model, columns, last), window[-1:])
        for block in BLOCKS:
            lateral = model.laterals[block]
            read = lateral.gru_input(observed.inputs[block], observed.evidence.get(block))
            for at, kernel in enumerate(KERNELS, start=1):
                for filters in torch.arange(lateral.width).split(TOGETHER):
                    count = len(filters)
                    silence = masks([[Part(block, kernel, int(i))] for i in filters], model.config, read)
                    h = lateral.recur(kernel, read, None, steps=seen, silence=silence[block])[-1].h
                    hurt = {name: column.repeat(count, 1, 1, 1) for name, column in columns.items()}
                    hurt[block][:, at * lateral.width : (at + 1) * lateral.width] = h
                    made = _decoded(model, hurt, last.map(lambda x, count=count: x.repeat(count, 1, 1, 1)))
                    lost.append(untouched - psnr(made, window[-1].expand_as(made)))
    return torch.cat(lost).numpy().astype(np.float32)


def _decoded(model: Ladder, columns: dict[str, Tensor], seen: object) -> Tensor:
    return model.decode(columns, seen).frames.float().clamp(0, 1).cpu()
