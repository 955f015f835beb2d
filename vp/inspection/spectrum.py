"""Which detail a prediction has, and whether a grid stands out of it: power by spatial frequency (after Fig. 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import RequestError
from ..grid import grid_index, periods
from ..metrics import LUMA
from ..predictor import Predictor
from ..rollout import Rollout


@dataclass(frozen=True)
class Spectra:
    """Power spectra of the true and the predicted frames, in dB, [h, w] with frequency zero at [h // 2, w // 2].

    A pattern that repeats every p pixels has its power at multiples of h / p and w / p places from there.
    grid: {period in pixels: how many times the energy at it exceeds the truth's, see `vp.grid`; 1 is no grid}.
    """

    truth: np.ndarray
    prediction: np.ndarray
    grid: dict[int, float]


def power_spectrum(frames: Tensor) -> Tensor:
    """Mean power of the luma of frames [T, 3, H, W] in [0, 1] at every frequency, [H, W] in dB, zero in the middle."""
    luma = (frames.float() * torch.tensor(LUMA, device=frames.device).view(3, 1, 1)).sum(1)
    # Seen through a Hann window: the jump from one border to the other would draw a cross over everything.
    windows = [torch.hann_window(side, periodic=False, device=frames.device) for side in luma.shape[-2:]]
    seen = (luma - luma.mean((-2, -1), keepdim=True)) * windows[0][:, None] * windows[1]
    power = torch.fft.fft2(seen).abs().square().mean(0)
    return 10 * torch.fft.fftshift(power).clamp_min(1e-8).log10()


def spectra(predictor: Predictor, frames: np.ndarray, seen: int | None = None, horizon: int = 3) -> Spectra:
    """Predict, and compare the spectra of what was predicted and what came. Arguments and errors as `Predictor.run`;
    RequestError too where there is no true frame."""
    return compare_spectra(predictor.run(frames, seen=seen, horizon=horizon))


def compare_spectra(rollout: Rollout) -> Spectra:
    """The same for a prediction that is there. Raises RequestError where there is no true frame."""
    count = len(rollout.truth)
    if not count:
        raise RequestError("The clip ends before the first predicted frame: choose an earlier start.")
    truth, prediction = (
        torch.from_numpy(np.ascontiguousarray(f[:count])).permute(0, 3, 1, 2)
        for f in (rollout.truth, rollout.predictions)
    )
    return Spectra(
        truth=power_spectrum(truth).numpy(),
        prediction=power_spectrum(prediction).numpy(),
        grid={period: grid_index(prediction, truth, period).mean().item() for period in periods(truth.shape[-2:])},
    )
