"""vp.inspection.part: a rollout again, without some parts of the network."""

import numpy as np
import pytest
import torch

from vp.errors import RequestError
from vp.inspection import silence_parts
from vp.models.config import DESIGNS
from vp.predictor import Predictor

PARTS = [
    ["C1.3x3"],
    ["C2"],
    ["C4.skip"],
    ["C3.location"],
    ["C1.7x7.1"],
    ["C4.5x5.0", "C2.3x3.1", "C3"],
    ["C1", "C2", "C3", "C4"],
    ["C2.3x3", "C2.5x5", "C2.7x7"],
]


@pytest.mark.parametrize("parts", PARTS, ids=" ".join)
@pytest.mark.parametrize("seen", [1, 4])
def test_the_shortcut_gives_the_predictions_of_the_whole_run(predictor, frames, parts, seen):
    plain = predictor.run(frames, seen, 3)
    short, whole = silence_parts(predictor, plain, parts), predictor.run(frames, seen, 3, silence=parts)
    np.testing.assert_allclose(short.predictions[0], whole.predictions[0], atol=2e-5)
    # A motion ladder of random weights that is fed its own frames makes ten times more of rounding at each step.
    np.testing.assert_allclose(short.predictions, whole.predictions, atol=5e-4 if len(plain.levels) else 2e-5)
    np.testing.assert_allclose(short.scores["psnr"], whole.scores["psnr"], atol=2e-3)
    assert np.abs(short.predictions - plain.predictions).max() > (5e-3 if len(plain.levels) else 1e-4)
    assert np.array_equal(short.truth, plain.truth) and short.scores["psnr"] != plain.scores["psnr"]


def test_it_keeps_nothing_of_the_untouched_run_inside(predictor, frames):
    short = silence_parts(predictor, predictor.run(frames), ["C1.3x3"])
    assert (short.states, short.gates, short.levels) == ({}, {}, {})
    assert (short.flow, short.mask, len(short.one_step)) == (None, None, 0)
    assert short.seen == 4 and short.horizon == 3 and short.seconds > 0


def test_a_memory_that_keeps_or_loses_all_its_filters_is_not_run_again(predictor, frames, monkeypatch):
    plain, looked_at = predictor.run(frames, horizon=1), []
    kind = type(predictor.model)
    observe = kind.observe
    monkeypatch.setattr(kind, "observe", lambda self, x, *a, **k: looked_at.append(len(x)) or observe(self, x, *a, **k))
    silence_parts(predictor, plain, ["C1", "C3.location"])
    silence_parts(predictor, plain, ["C1.3x3.0"])
    assert looked_at == [2, 4]  # two, since a motion ladder compares the last frame with the one before it


def test_a_part_that_is_not_there_and_none_at_all_are_refused(predictor, frames):
    plain = predictor.run(frames)
    with pytest.raises(RequestError, match="no location bias"):
        silence_parts(predictor, plain, ["C1.location"])
    with pytest.raises(RequestError, match="at least one"):
        silence_parts(predictor, plain, [])


@pytest.mark.parametrize("design", DESIGNS)
def test_in_half_precision_it_stays_close(make_ladder, frames, design):
    model = make_ladder(design=design, seen=4)
    half = Predictor("one_frame", model, device=torch.device("cpu"), dtype=torch.bfloat16)
    plain = half.run(frames)
    short, whole = silence_parts(half, plain, ["C2.5x5.0"]), half.run(frames, silence=["C2.5x5.0"])
    assert np.abs(short.predictions - whole.predictions).max() < 0.02
