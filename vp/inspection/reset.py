"""Wipe the memory in the middle of a clip, and see how long it takes to be useful again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..errors import RequestError
from ..metrics import psnr
from ..predictor import Predictor


@dataclass(frozen=True)
class MemoryReset:
    """One-frame-ahead predictions of a clip, with and without its memory wiped before frame `at`.

    psnr, reset_psnr, copy_psnr: dB for the prediction made after each frame, up to the last that has a successor.
    recovered: frames after the wipe until the prediction is within `WITHIN` dB of the untouched one and stays so; 0
        if it never left, None if the clip ends before.
    predictions, reset_predictions: float32 [T - 1, h, w, 3] in [0, 1].
    """

    at: int
    psnr: list[float]
    reset_psnr: list[float]
    copy_psnr: list[float]
    recovered: int | None
    predictions: np.ndarray
    reset_predictions: np.ndarray


WITHIN = 0.1


def memory_reset(predictor: Predictor, frames: np.ndarray, at: int) -> MemoryReset:
    """Show all frames [T, H, W, 3] but the last, and again with every state zeroed before frame `at` (from 0).

    Raises RequestError unless 1 <= at <= T - 2, and for frames that `Predictor.run` would refuse.
    """
    seen, window = predictor.prepare(frames, max(1, len(frames) - 1), 1)
    if seen + 1 > len(window) or not 1 <= at < seen:
        raise RequestError(
            f"The memory can be wiped before frames 1 to {seen - 1} of a window of {len(window)}, not before {at}."
        )
    with torch.inference_mode():
        x = window[None, :seen].to(predictor.device)
        # Up to there nothing differs.
        before = predictor.model(x[:, :at])
        whole, wiped = (
            torch.cat([before.frames, predictor.model(x[:, at:], state).frames], 1)[0].float().clamp(0, 1).cpu()
            for state in (before.state, before.state.wiped())
        )
    truth = window[1 : seen + 1]
    scores, reset, copy = (psnr(p, truth) for p in (whole, wiped, window[:seen]))
    behind = (scores - reset)[at:] > WITHIN
    recovered = int(behind.nonzero()[-1]) + 1 if behind.any() else 0
    return MemoryReset(
        at=at,
        psnr=scores.tolist(),
        reset_psnr=reset.tolist(),
        copy_psnr=copy.tolist(),
        recovered=recovered if recovered < len(behind) else None,
        predictions=whole.permute(0, 2, 3, 1).numpy(),
        reset_predictions=wiped.permute(0, 2, 3, 1).numpy(),
    )
