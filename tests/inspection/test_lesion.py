"""vp.inspection.lesion: a rollout again, without some parts of the network."""

import numpy as np
import pytest
import torch

from vp.errors import RequestError
from vp.inspection import silence_parts
from vp.models import Ladder
from vp.predictor import Predictor

PARTS = [
    ["C1.3x3"],
    ["C2"],
    ["C4.skip"],
    ["C3.location"],
    ["C1.7x7.1"],
    ["C4.5x5.0", "C2.3x3.1", "C3"],
    ["C1", "C2", "C3", "C4"],
]


@pytest.mark.parametrize("parts", PARTS, ids=" ".join)
@pytest.mark.parametrize("seen", [1, 4])
def test_the_shortcut_gives_the_predictions_of_the_whole_run(predictor, frames, parts, seen):
    plain = predictor.run(frames, seen, 3)
    short, whole = silence_parts(predictor, plain, parts), predictor.run(frames, seen, 3, silence=parts)
    np.testing.assert_allclose(short.predictions, whole.predictions, atol=2e-5)
    np.testing.assert_allclose(short.scores["psnr"], whole.scores["psnr"], atol=2e-3)
    assert np.abs(short.predictions - plain.predictions).max() > 1e-4
    assert np.array_equal(short.truth, plain.truth) and short.scores["psnr"] != plain.scores["psnr"]


def test_it_keeps_nothing_of_the_untouched_run_inside(predictor, frames):
    short = silence_parts(predictor, predictor.run(frames), ["C1.3x3"])
    assert (short.states, short.gates, short.flow, short.mask, len(short.one_step)) == ({}, {}, None, None, 0)
    assert short.seen == 4 and short.horizon == 3 and short.seconds > 0


def test_a_memory_that_keeps_or_loses_all_its_filters_is_not_run_again(predictor, frames, monkeypatch):
    plain, looked_at = predictor.run(frames, horizon=1), []
    features = Ladder.features
    monkeypatch.setattr(Ladder, "features", lambda self, x: looked_at.append(len(x)) or features(self, x))
    silence_parts(predictor, plain, ["C1", "C3.location"])
    silence_parts(predictor, plain, ["C1.3x3.0"])
    assert looked_at == [1, 4]


def test_a_part_that_is_not_there_and_none_at_all_are_refused(predictor, frames):
    plain = predictor.run(frames)
    with pytest.raises(RequestError, match="no location bias"):
        silence_parts(predictor, plain, ["C1.location"])
    with pytest.raises(RequestError, match="at least one"):
        silence_parts(predictor, plain, [])


def test_in_half_precision_it_stays_close(make_ladder, frames):
    model = make_ladder(head="warp", refine=6, norm="group", seen=4)
    half = Predictor("one_frame", model, device=torch.device("cpu"), dtype=torch.bfloat16)
    plain = half.run(frames)
    short, whole = silence_parts(half, plain, ["C2.5x5.0"]), half.run(frames, silence=["C2.5x5.0"])
    assert np.abs(short.predictions - whole.predictions).max() < 0.02
