"""A loaded network, ready to predict: frames in, a `Rollout` out."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .checkpoints import open_checkpoints
from .errors import CheckpointError, RequestError
from .limits import MAX_HORIZON, MAX_SEEN, is_whole
from .models import BLOCKS, KERNELS, TITLES, Ladder, LadderOutput
from .models.silence import Mask, Part, PartError, masks
from .precision import choose_device, choose_dtype, place
from .rollout import Rollout

# Filters that sharpen while they resize reach a little beyond 0 and 1: that much is cut off, more is another scale.
OVERSHOOT = 0.25


class Predictor:
    """A ladder network on a device.

    name: as in `load_predictor`; model: the network, which is moved; source: where its weights came from, for display.
    size: (height, width) that frames are resized to, in pixels; the one that the network was made for, see `fine`.
    """

    def __init__(
        self,
        name: str,
        model: Ladder,
        *,
        source: str = "",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.name, self.source = name, source
        self.device = device or choose_device()
        self.dtype = dtype or choose_dtype(self.device)
        self.model = place(model.eval().requires_grad_(False), self.device, self.dtype)
        self.size = self.model.config.size

    @property
    def title(self) -> str:
        """Name for people, e.g. "L-VLN"."""
        return TITLES[self.name]

    def fine(self) -> Predictor:
        """The same network on frames of twice the height and width, for four times the work.

        It is the same model: all of it but the location maps works at any size, and those are resized as it runs
        (`vp.models.lateral`).
        """
        twice = copy.copy(self)
        twice.size = (2 * self.size[0], 2 * self.size[1])
        return twice

    @property
    def default_seen(self) -> int:
        """Frames that the network was meant to see before it predicts."""
        return self.model.config.seen

    def run(
        self, frames: np.ndarray, seen: int | None = None, horizon: int = 3, *, silence: Sequence[str] = ()
    ) -> Rollout:
        """See the first `seen` frames of a window, predict the next `horizon`.

        frames: [T, H, W, 3] of any size, uint8 or float in [0, 1]. Frames after the seen ones are the truth that
            predictions are scored against; T may be as small as `seen`.
        seen: 1 to 20; default, what the model was trained with. horizon: 1 to 10.
        silence: parts of the network to silence, e.g. ["C2.5x5", "C4.skip"], see `vp.models.silence`.
        Raises RequestError for frames of another shape, type or scale, too few of them, numbers out of range, or a part
        that the network does not have; CheckpointError for weights whose prediction is not finite.
        """
        seen, window = self.prepare(frames, seen, horizon)
        masked = self.masks(silence)
        start = time.perf_counter()
        with torch.inference_mode():
            out = self.model.rollout(window[None, :seen].to(self.device), horizon, record=True, silence=masked)
        return self._rollout(window, out, seen, start)

    def parts(self, silence: Sequence[str]) -> list[Part]:
        """The parts of the network that these paths name. Raises RequestError for one it has not."""
        try:
            return [Part.parse(path, self.model.config) for path in silence]
        except PartError as error:
            raise RequestError(str(error)) from None

    def masks(self, silence: Sequence[str]) -> dict[str, Mask] | None:
        """Masks that silence these parts, for one clip; None for none. Raises RequestError for one it has not."""
        parts = self.parts(silence)
        like = torch.empty(0, device=self.device, dtype=self.dtype)
        return masks([parts], self.model.config, like) if parts else None

    def prepare(self, frames: np.ndarray, seen: int | None, horizon: int) -> tuple[int, Tensor]:
        """Check a window and resize it: (frames seen, float32 [up to seen + horizon, 3, h, w] in [0, 1], on the CPU).

        Raises RequestError as `run` does.
        """
        seen = self.default_seen if seen is None else seen
        _check_frames(frames)
        _check_window(len(frames), seen, horizon)
        return seen, self.resize(frames[: seen + horizon])

    def resize(self, frames: np.ndarray) -> Tensor:
        """Check frames [T, H, W, 3] and bring them to the network's size: float32 [T, 3, h, w] in [0, 1], on the CPU,
        averaged over the area of each new pixel. Raises RequestError as `run` does."""
        _check_frames(frames)
        x = torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2)
        x = x.float() / 255 if x.dtype == torch.uint8 else x.float().clamp(0, 1)
        if x.shape[-2:] != self.size:
            x = F.interpolate(x, size=self.size, mode="bilinear", antialias=True, align_corners=False)
        return x

    def _rollout(self, window: Tensor, out: LadderOutput, seen: int, start: float) -> Rollout:
        if not out.frames.isfinite().all():
            raise CheckpointError(
                f"The weights of {self.title} predict numbers that are not finite: choose other ones."
            )
        frames = pictures(out.frames[0].clamp(0, 1))
        seconds = time.perf_counter() - start
        states = {b: {k: _array(out.trace[b][k].h[0]) for k in KERNELS} for b in BLOCKS}
        gates = {b: {k: {q: _array(getattr(out.trace[b][k], q)[0]) for q in "zrn"} for k in KERNELS} for b in BLOCKS}
        return Rollout(
            model=self.name,
            seen_frames=pictures(window[:seen]),
            predictions=frames[seen - 1 :],
            truth=pictures(window[seen:]),
            one_step=frames[: seen - 1],
            states=states,
            gates=gates,
            flow=None if out.flow is None else out.flow[0].permute(0, 2, 3, 1).cpu().numpy(),
            mask=None if out.mask is None else out.mask[0, :, 0].cpu().numpy(),
            levels={b: flow[0].permute(0, 2, 3, 1).cpu().numpy() for b, flow in out.levels.items()},
            seconds=seconds,
        )


def _check_frames(frames: np.ndarray) -> None:
    if not isinstance(frames, np.ndarray) or frames.ndim != 4 or frames.shape[-1] != 3:
        raise RequestError("frames must be an array [time, height, width, 3]")
    if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
        raise RequestError(f"frames must be uint8 or float in [0, 1], not {frames.dtype}")
    if min(frames.shape[1:3]) < 1:
        raise RequestError("frames are empty")
    if frames.dtype != np.uint8 and len(frames):
        low, high = float(frames.min()), float(frames.max())
        if not np.isfinite([low, high]).all():  # both are NaN where one number is
            raise RequestError("frames hold numbers that are not finite")
        if low < -OVERSHOOT or high > 1 + OVERSHOOT:
            raise RequestError(
                f"float frames must lie in [0, 1], but these go from {low:g} to {high:g}: "
                "bring them there (divide 0..255 by 255), or pass uint8"
            )


def _check_window(length: int, seen: int, horizon: int) -> None:
    for name, value, most in (("seen", seen, MAX_SEEN), ("horizon", horizon, MAX_HORIZON)):
        if not is_whole(value) or not 1 <= value <= most:
            raise RequestError(f"{name} must be a whole number from 1 to {most}, not {value!r}")
    if length < seen:
        raise RequestError(
            f"the window has {length} frames but {seen} are to be seen: "
            "choose an earlier start, a higher frame rate, fewer seen frames or a longer clip"
        )


def pictures(x: Tensor) -> np.ndarray:
    """[T, 3, h, w] -> float32 array [T, h, w, 3]."""
    return x.permute(0, 2, 3, 1).float().cpu().numpy()


def _array(x: Tensor) -> np.ndarray:
    """Half precision keeps every bit that a bf16 state in [-1, 1] has, in numpy's terms and half the memory."""
    return (x.half() if x.dtype == torch.bfloat16 else x.float()).cpu().contiguous().numpy()


def load_predictor(name: str, source: str = "bundled", **placement: object) -> Predictor:
    """Load a network by name.

    name: "lvln", "one_frame" or "full_res"; "paper_one_frame" is `one_frame` of the paper's design.
    source: "bundled", a folder or "hf://owner/name@revision".
    placement: `device` and `dtype` of `Predictor`. Raises CheckpointError with what to do.
    """
    checkpoints = open_checkpoints(source)
    return Predictor(name, checkpoints.load(name), source=checkpoints.spec, **placement)
