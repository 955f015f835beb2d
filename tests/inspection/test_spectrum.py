"""vp.inspection.spectrum: where the power of a picture lies."""

import dataclasses

import numpy as np
import pytest
import torch

from vp.errors import RequestError
from vp.inspection import spectra
from vp.inspection.spectrum import compare_spectra, power_spectrum


def stripes(period: int, height: int = 64, width: int = 96) -> torch.Tensor:
    wave = 0.5 + 0.2 * torch.cos(2 * torch.pi * torch.arange(width) / period)
    return wave.expand(2, 3, height, width)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_pattern_has_its_power_where_the_docstring_says(period):
    power = power_spectrum(stripes(period))
    y, x = divmod(int(power.argmax()), 96)
    assert y == 32 and abs(abs(x - 48) - 96 / period) < 1e-6
    assert power.max() - power[10, 60] > 40  # dB above where there is nothing


def test_twice_the_contrast_is_six_decibels():
    soft, hard = (power_spectrum(0.5 + c * (stripes(4) - 0.5)) for c in (0.5, 1.0))
    assert (hard.max() - soft.max()).item() == pytest.approx(6.02, abs=0.01)


def test_a_grid_on_a_prediction_is_found(predictor, frames):
    rollout = predictor.run(frames, seen=3, horizon=2)
    clean = dataclasses.replace(rollout, predictions=rollout.truth[: rollout.horizon].copy())
    found = compare_spectra(clean)
    assert all(value == pytest.approx(1, abs=1e-3) for value in found.grid.values())
    np.testing.assert_allclose(found.truth, found.prediction)
    marked = clean.predictions.copy()
    marked[:, ::2, ::2] = np.clip(marked[:, ::2, ::2] + 0.1, 0, 1)
    spoilt = compare_spectra(dataclasses.replace(clean, predictions=marked))
    assert spoilt.grid[2] > 2
    # The checkerboard's corner of the spectrum.
    assert spoilt.prediction[0, 0] - spoilt.truth[0, 0] > 6


def test_it_needs_a_true_frame(predictor, frames):
    assert spectra(predictor, frames[:6], seen=4, horizon=3).truth.shape == predictor.size
    with pytest.raises(RequestError, match="earlier start"):
        spectra(predictor, frames[:4], seen=4, horizon=3)
