"""vp.inspection.reset: the memory wiped on the way."""

import numpy as np
import pytest
import torch

from vp.errors import RequestError
from vp.inspection import memory_reset
from vp.inspection.reset import WITHIN


def test_before_the_wipe_nothing_differs_and_after_it_the_network_starts_anew(predictor, frames):
    result = memory_reset(predictor, frames, at=3)
    assert len(result.psnr) == len(result.reset_psnr) == len(result.copy_psnr) == 7
    assert result.psnr[:3] == result.reset_psnr[:3] and result.psnr[3] != result.reset_psnr[3]
    x = predictor.resize(frames)[None]
    with torch.inference_mode():
        emptied = predictor.model(x[:, 3:7], predictor.model(x[:, :3]).state.wiped()).frames[0].clamp(0, 1)
    np.testing.assert_allclose(result.reset_predictions[3:], emptied.permute(0, 2, 3, 1), atol=1e-5)
    anew = predictor.run(frames[3:7], seen=4, horizon=1).one_step
    # Only the memories are gone: a motion ladder still compares frame 3 with frame 2.
    same = np.abs(result.reset_predictions[3:6] - anew).max() < 1e-5
    assert same == (predictor.model.config.design == "paper")
    whole = predictor.run(frames, seen=7, horizon=1)
    np.testing.assert_allclose(result.predictions[:6], whole.one_step, atol=1e-5)
    assert result.psnr[-1] == pytest.approx(whole.scores["psnr"][0], abs=1e-3)
    assert result.copy_psnr[-1] == pytest.approx(whole.scores["copy_last_psnr"][0], abs=1e-3)


@pytest.mark.parametrize("at", range(1, 7))
def test_it_has_recovered_when_it_keeps_up_with_the_untouched_one(predictor, frames, at):
    result = memory_reset(predictor, frames, at)
    behind = [a - b > WITHIN for a, b in zip(result.psnr[at:], result.reset_psnr[at:], strict=True)]
    if result.recovered is None:
        assert behind[-1]
    else:
        assert not any(behind[result.recovered :])
        assert result.recovered == 0 or behind[result.recovered - 1]


@pytest.mark.parametrize("at", [0, 7, -1, 100])
def test_there_must_be_frames_before_and_after(predictor, frames, at):
    with pytest.raises(RequestError, match="frames 1 to 6 of a window of 8"):
        memory_reset(predictor, frames, at)


def test_too_few_frames_are_refused(predictor, frames):
    with pytest.raises(RequestError):
        memory_reset(predictor, frames[:1], 1)
