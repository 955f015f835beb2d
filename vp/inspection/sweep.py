"""Quality against the number of frames seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..errors import RequestError
from ..metrics import psnr, ssim
from ..predictor import Predictor


@dataclass(frozen=True)
class SeenSweep:
    """The same frame predicted from 1, 2, ... frames before it.

    psnr (dB), ssim: entry k is for k + 1 frames seen. copy_psnr, copy_ssim: of repeating the last frame, the same for
    all. predictions: float32 [n, h, w, 3] in [0, 1].
    """

    psnr: list[float]
    ssim: list[float]
    copy_psnr: float
    copy_ssim: float
    predictions: np.ndarray


def sweep_seen(predictor: Predictor, frames: np.ndarray, most: int | None = None) -> SeenSweep:
    """Predict frame `most` of frames [most + 1, H, W, 3] from the last 1 to `most` frames before it.

    most: default, what the network was trained to see. Raises RequestError.
    """
    most, window = predictor.prepare(frames, most, 1)
    if len(window) <= most:
        raise RequestError("The clip ends before the frame to predict: choose an earlier start or fewer frames.")
    model = predictor.model
    made = []
    with torch.inference_mode():
        flat = window[:most].to(predictor.device).contiguous(memory_format=torch.channels_last)
        for seen in range(1, most + 1):
            shown = model.observe(flat[-seen:], batch=1)
            columns, _, _ = model.remember(shown, None, batch=1)
            last = {block: column[-1:] for block, column in columns.items()}
            made.append(model.decode(last, shown.map(lambda x: x[-1:])).frames)
    predictions = torch.cat(made).float().clamp(0, 1).cpu()
    truth = window[most]
    copy = window[most - 1]
    return SeenSweep(
        psnr=psnr(predictions, truth.expand_as(predictions)).tolist(),
        ssim=ssim(predictions, truth.expand_as(predictions)).tolist(),
        copy_psnr=psnr(copy, truth).item(),
        copy_ssim=ssim(copy, truth).item(),
        predictions=predictions.permute(0, 2, 3, 1).numpy(),
    )
