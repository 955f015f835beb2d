"""Which memory matters most for a clip: each ConvGRU is silenced in turn, and each block's three together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..metrics import psnr
from ..models import BLOCKS, KERNELS
from ..predictor import Predictor


@dataclass(frozen=True)
class Importance:
    """What silencing one ConvGRU, or all three of a block, does to the first prediction.

    part: "C2.5x5", or "C2" for the block's. lost: dB of PSNR lost against the untouched prediction (negative: it does
    better without), None where the clip ends before the predicted frame. change: root mean square difference of the
    two predictions, of 255.
    """

    part: str
    lost: float | None
    change: float


def rank_convgrus(predictor: Predictor, frames: np.ndarray, seen: int | None = None) -> list[Importance]:
    """All twelve ConvGRUs and the four blocks of them, the most important first: by dB lost, or by change where the
    truth is not known. A block's convolution of the present frame stays.

    frames, seen: as in `Predictor.run`; frame `seen` is the truth. Raises RequestError.

    While real frames come in, no ConvGRU hears another: each reads the encoder and its own state. So the memory is
    run once, and only the decoder for each of them, as one batch.
    """
    seen, window = predictor.prepare(frames, seen, 1)
    model = predictor.model
    with torch.inference_mode():
        shown = window[:seen].to(predictor.device).contiguous(memory_format=torch.channels_last)
        seen_frames = model.observe(shown, batch=1)
        columns, _, _ = model.remember(seen_frames, None, batch=1)
        parts = {f"{block}.{kernel}": (block, (kernel,)) for block in BLOCKS for kernel in KERNELS}
        parts |= {block: (block, KERNELS) for block in BLOCKS}
        batch = len(parts) + 1  # the first is left untouched
        stacked = {block: column[-1:].repeat(batch, 1, 1, 1) for block, column in columns.items()}
        for b, (block, kernels) in enumerate(parts.values(), start=1):
            width = model.laterals[block].width
            for kernel in kernels:
                begin = width * (1 + KERNELS.index(kernel))  # the block's convolution comes first
                stacked[block][b, begin : begin + width] = 0
        last = seen_frames.map(lambda x: x[-1:].repeat(batch, 1, 1, 1))
        out = model.decode(stacked, last).frames.float().clamp(0, 1).cpu()
    change = (out[1:] - out[:1]).square().mean(dim=(1, 2, 3)).sqrt() * 255
    lost = [None] * len(parts)
    if len(window) > seen:
        scores = psnr(out, window[seen].expand_as(out))
        lost = (scores[0] - scores[1:]).tolist()
    ranking = [Importance(*numbers) for numbers in zip(parts, lost, change.tolist(), strict=True)]
    return sorted(ranking, key=lambda part: part.change if part.lost is None else part.lost, reverse=True)
