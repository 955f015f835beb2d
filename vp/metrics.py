"""How good a prediction is: PSNR (of all or of moving pixels), SSIM and sharpness, frame by frame."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
# A frame that is exact to the last bit has no finite PSNR; 60 dB is beyond what 8 bits can tell.
MAX_PSNR = 60.0
# A pixel has moved if its neighbourhood changed by more than this in some colour: 15 grey levels of 255, far more than
# noise and compression change a mean of nine pixels by.
MOVED = 0.06
# With fewer moving pixels than this share of the frame there is no motion to score.
MIN_MOVING = 0.01


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of frames x and y [..., 3, H, W] in [0, 1] -> [...], at most 60."""
    return _decibels((x.float() - y.float()).square().mean(dim=(-3, -2, -1)))


def _decibels(error: Tensor) -> Tensor:
    return -10 * torch.log10(error.clamp_min(10 ** (-MAX_PSNR / 10)))


def motion_mask(truth: Tensor, last: Tensor) -> Tensor:
    """Which pixels of true frames [..., 3, H, W] changed since the last seen one (broadcast) -> bool [..., 1, H, W].

    Those where the mean difference over 3x3 pixels (at the border, over those that exist) is beyond MOVED in any of
    the three colours.
    """
    change = truth.float() - last.float()
    means = F.avg_pool2d(change.flatten(0, -3).unsqueeze(1), 3, stride=1, padding=1, count_include_pad=False)
    return means.reshape(change.shape).abs().amax(-3, keepdim=True) > MOVED


def motion_psnr(prediction: Tensor, truth: Tensor, last: Tensor) -> Tensor:
    """PSNR in dB over the pixels of `motion_mask` alone, of frames [..., 3, H, W] in [0, 1] -> [...].

    NaN where fewer than MIN_MOVING of the pixels moved: average with nanmean. Repeating the last frame scores low
    here by definition, since the pixels are those where it is wrong.
    """
    mask = motion_mask(truth, last)
    error = ((prediction.float() - truth.float()).square() * mask).sum(dim=(-3, -2, -1))
    moving = mask.sum(dim=(-3, -2, -1))
    score = _decibels(error / (truth.shape[-3] * moving).clamp_min(1))
    return score.where(moving >= MIN_MOVING * (mask.shape[-2] * mask.shape[-1]), torch.nan)


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Mean structural similarity (Wang et al. 2004) of frames x and y [..., 3, H, W] in [0, 1] -> [...]."""
    lead = x.shape[:-3]
    values = ssim_map(x.float().reshape(-1, *x.shape[-3:]), y.float().reshape(-1, *y.shape[-3:]))
    return values.mean(dim=(1, 2, 3)).reshape(lead)


def ssim_map(x: Tensor, y: Tensor, *, sigma: float = 1.5, window: int = 11) -> Tensor:
    """Structural similarity of the luma of x and y [N, 3, H, W] in [0, 1] -> [N, 1, H - 10, W - 10].

    Only places where the whole window fits, as in the original; torchmetrics adds a border of reflected pixels.
    Luma alone is a third of the work of three colours, whose windows say almost the same. Differentiable: it is a
    training loss too.
    """
    luma = torch.tensor(LUMA, device=x.device).view(1, 3, 1, 1)
    x, y = (x * luma).sum(1, keepdim=True), (y * luma).sum(1, keepdim=True)
    moments = torch.cat([x, y, x * x, y * y, x * y], dim=1)
    # The separable window as two matrix products: on a CPU ten times faster than a depthwise convolution.
    rows = _blur_matrix(x.shape[-2], sigma, window, x.device)
    columns = _blur_matrix(x.shape[-1], sigma, window, x.device)
    # Never in bf16: variances are small differences of large numbers.
    with torch.autocast(x.device.type, enabled=False):
        moments = rows @ moments @ columns.T
    mx, my, xx, yy, xy = moments.chunk(5, dim=1)
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) * (2 * (xy - mx * my) + c2)) / (
        (mx * mx + my * my + c1) * ((xx - mx * mx) + (yy - my * my) + c2)
    )


@lru_cache(maxsize=16)
def _blur_matrix(size: int, sigma: float, window: int, device: torch.device) -> Tensor:
    """[size - window + 1, size]: row i averages a signal around i + window // 2 with Gaussian weights."""
    with torch.inference_mode(False):  # the cached matrix may be needed for a gradient later
        taps = torch.arange(window) - window // 2
        taps = torch.exp(-(taps**2) / (2 * sigma**2))
        matrix = torch.zeros(size - window + 1, size)
        for i in range(len(matrix)):
            matrix[i, i : i + window] = taps / taps.sum()
        return matrix.to(device)


def sharpness(x: Tensor) -> Tensor:
    """Mean absolute picture gradient of frames [..., 3, H, W] -> [...]. Compare it with the truth's: a blurred
    prediction has less."""
    return x.float().diff(dim=-1).abs().mean(dim=(-3, -2, -1)) + x.float().diff(dim=-2).abs().mean(dim=(-3, -2, -1))
