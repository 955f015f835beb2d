"""Whether a prediction has a grid: the regular pattern that pixel shuffle and strides leave in pictures.

A grid is energy at exactly the frequencies of a period, with one phase over a large part of the frame. Sharp detail
has energy at those frequencies too, but as much of it just beside them, and with a phase that changes from place to
place. So the frame is seen through windows of eight periods or 32 pixels, wide enough that detail averages out: in
them a checkerboard of one grey level stands out against the detail of a video frame, where in the plain energy of
neighbouring differences it would be lost. (Over the whole frame at once it would stand out further, but a pattern
whose sign depends on what is in the picture, as that of a network does, would cancel.)
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

PERIODS = (2, 4, 8)  # pixels
# Half a grey level of 255 and less is no visible grid: as much is granted to prediction and truth.
FLOOR = (0.5 / 255) ** 2
# Neighbouring frequencies, in units of one per window. Nearer ones are within the main lobe of a Hann window.
ASIDE = 3


def grid_index(prediction: Tensor, truth: Tensor, period: int = 2) -> Tensor:
    """How much more grid of a period (2, 4 or 8 pixels) frames [..., 3, H, W] in [0, 1] have than true ones -> [...].

    1 means no more than the truth, 4 four times its energy; a blurred prediction has less than 1. A grid of
    period 4 is what repeats every 4 pixels and not every 2.

    It is the ratio of the energies at the period, prediction to truth, each plus FLOOR. Where the prediction has
    more energy than the truth just beside these frequencies as well, that ratio is divided out: more detail than
    the truth is sharpness, not a grid. (Less is not: blur hides no grid, and must not look like one.)

    Raises ValueError for another period, and for frames smaller than its window.
    """
    at, beside = (a / b for a, b in zip(_energies(prediction, period), _energies(truth, period), strict=True))
    return at / beside.clamp_min(1)


def periods(size: tuple[int, int]) -> list[int]:
    """The periods whose windows fit into frames of (height, width)."""
    return [period for period in PERIODS if window(period) <= min(size)]


def window(period: int) -> int:
    """Side in pixels of the windows that a grid of this period is looked for in."""
    if period not in PERIODS:
        raise ValueError(f"a grid's period is 2, 4 or 8 pixels, not {period}")
    return max(32, 8 * period)


def _energies(x: Tensor, period: int) -> tuple[Tensor, Tensor]:
    """Energy of frames [..., 3, H, W] at the frequencies of a period and just beside them -> [...], [...], each plus
    FLOOR. A checkerboard of amplitude a has a^2."""
    # Two matrix products, as the taps are few: [..., rows of windows * frequencies, columns of windows * frequencies].
    rows, columns = (_taps(side, period, x.device) for side in x.shape[-2:])
    with torch.autocast(x.device.type, enabled=False):
        waves = rows @ ((x.float() + 0j) @ columns.T)
    power = waves.real.square() + waves.imag.square()
    # [..., 3, window row, harmonic, offset, window column, harmonic, offset] -> [..., harmonic, offset, same again].
    power = power.unflatten(-1, (-1, period, 3)).unflatten(-4, (-1, period, 3)).mean((-7, -6, -3))
    at = power[..., 1, :, 1]
    # Geometric means, since spectra fall with a power of the frequency.
    down = (power[..., 0, :, 1] * power[..., 2, :, 1]).sqrt()
    across = (power[..., 1, :, 0] * power[..., 1, :, 2]).sqrt()
    # Beside harmonic (m, n) along the axes that it repeats on: beside a column pattern (0, n) only across.
    m, n = torch.meshgrid(*[torch.arange(period, device=x.device)] * 2, indexing="ij")
    beside = (down * (m > 0) + across * (n > 0)) / ((m > 0) + (n > 0).float()).clamp_min(1)
    odd = (m % 2 + n % 2) > 0  # both even: the mean, or a grid of half the period
    return (at * odd).sum((-2, -1)) + FLOOR, (beside * odd).sum((-2, -1)) + FLOOR


@lru_cache(maxsize=16)
def _taps(size: int, period: int, device: torch.device) -> Tensor:
    """complex64 [windows * period * 3, size]: each row is one wave seen through one Hann window.

    Windows overlap by half; the waves are the harmonics 0 to period - 1, each with both neighbours.
    """
    wide = window(period)
    if size < wide:
        raise ValueError(f"frames must be at least {wide} pixels high and wide to find a grid of period {period}")
    with torch.inference_mode(False):
        place = torch.arange(wide, dtype=torch.float64)
        hann = torch.sin(torch.pi * (place + 0.5) / wide) ** 2
        harmonics = torch.arange(period).repeat_interleave(3) * (wide / period)
        turns = (harmonics + torch.tensor([-ASIDE, 0, ASIDE]).repeat(period)) / wide
        waves = hann / hann.sum() * torch.exp(-2j * torch.pi * turns[:, None] * place)
        starts = range(0, size - wide + 1, wide // 2)
        taps = torch.zeros(len(starts), len(waves), size, dtype=torch.complex128)
        for i, start in enumerate(starts):
            taps[i, :, start : start + wide] = waves
        return taps.flatten(0, 1).to(device, torch.complex64)
