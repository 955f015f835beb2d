"""vp.inspection.sweep: quality against the number of frames seen."""

import numpy as np
import pytest

from vp.errors import RequestError
from vp.inspection import sweep_seen


def test_each_entry_is_a_prediction_from_so_many_frames_before_the_same_one(predictor, frames):
    result = sweep_seen(predictor, frames[:6], most=5)
    assert len(result.psnr) == len(result.ssim) == len(result.predictions) == 5
    for k in range(1, 6):
        alone = predictor.run(frames[5 - k : 6], seen=k, horizon=1)
        np.testing.assert_allclose(result.predictions[k - 1], alone.predictions[0], atol=1e-5)
        assert result.psnr[k - 1] == pytest.approx(alone.scores["psnr"][0], abs=1e-3)
        assert result.ssim[k - 1] == pytest.approx(alone.scores["ssim"][0], abs=1e-4)
        assert result.copy_psnr == pytest.approx(alone.scores["copy_last_psnr"][0], abs=1e-3)
    assert len(set(result.psnr)) == 5


def test_the_default_is_what_the_network_was_trained_to_see(predictor, frames):
    assert len(sweep_seen(predictor, frames).psnr) == 4


def test_the_frame_to_predict_must_be_there(predictor, frames):
    with pytest.raises(RequestError, match="ends before"):
        sweep_seen(predictor, frames[:5], most=5)
