"""Where a prediction looks: how strongly each pixel of each seen frame moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..errors import RequestError
from ..predictor import Predictor


@dataclass(frozen=True)
class Saliency:
    """Sensitivity of a prediction, or of a region of it, to what was seen.

    heat: float32 [seen, h, w], 0 and up: root of the summed squared derivatives of the predicted pixels with respect
        to each seen pixel. shares: [seen], each frame's part of the summed squares, adding up to 1.
    region: (top, left, bottom, right) in pixels, bottom and right excluded.
    """

    heat: np.ndarray
    shares: list[float]
    region: tuple[int, int, int, int]


def saliency(
    predictor: Predictor,
    frames: np.ndarray,
    seen: int | None = None,
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    samples: int = 2,
    seed: int = 0,
) -> Saliency:
    """The first prediction's dependence on the frames seen.

    frames, seen: as in `Predictor.run`. region: (top, left, bottom, right) as shares of the frame, 0 to 1.
    samples: random projections. For v of random signs over the region, E (J^T v)^2 is the sum over the region of the
        squared derivatives (Hutchinson's trick), so a few backward passes do for thousands of pixels.
    Raises RequestError for an empty region.
    """
    seen, window = predictor.prepare(frames, seen, 1)
    height, width = predictor.size
    if not np.isfinite(region).all():
        raise RequestError("A region is four finite numbers: top, left, bottom, right in shares of the frame.")
    top, left, bottom, right = (
        round(min(1.0, max(0.0, float(share))) * side)
        for share, side in zip(region, (height, width, height, width), strict=True)
    )
    if bottom <= top or right <= left:
        raise RequestError(
            "The region is empty: take a larger one, as top, left, bottom, right in shares of the frame."
        )
    generator = torch.Generator().manual_seed(seed)
    squares = torch.zeros(seen, height, width)
    x = window[None, :seen].to(predictor.device).requires_grad_(True)
    with torch.enable_grad():
        predicted = predictor.model(x).frames[0, -1, :, top:bottom, left:right]
        for k in range(samples):
            signs = torch.randint(0, 2, predicted.shape, generator=generator).to(predicted) * 2 - 1
            (gradient,) = torch.autograd.grad((predicted * signs).sum(), x, retain_graph=k + 1 < samples)
            squares += gradient[0].float().square().sum(1).cpu() / samples
    total = squares.sum().clamp_min(1e-12)
    shares = (squares.sum((1, 2)) / total).tolist()
    return Saliency(squares.sqrt().numpy(), shares, (top, left, bottom, right))
