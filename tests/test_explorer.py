"""The explorer: a window of a clip in, a rollout or a clear message out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vp.errors import RequestError
from vp.explorer import Explorer, Window
from vp.predictor import Predictor


@pytest.fixture
def explorer(make_ladder, monkeypatch) -> Explorer:
    """Bundled clips with a tiny network in the place of each real one."""
    made = Explorer.__new__(Explorer)
    made.predictor = lambda name: Predictor(name, make_ladder(design="motion"))
    return made


@pytest.fixture
def clip(write_video, moving, tmp_path):
    return write_video(tmp_path / "clip.mp4", moving(50, 48, 64), fps=25)


def test_a_window_is_read_at_its_frame_rate_and_scored_against_what_follows(explorer, clip):
    rollout = explorer.predict(clip, Window("one_frame", start=0.4, fps=5, seen=3, horizon=2))
    assert rollout.seen == 3 and rollout.horizon == 2 and len(rollout.truth) == 2
    assert len(rollout.scores["psnr"]) == 2
    later = explorer.predict(clip, Window("one_frame", start=0.6, fps=5, seen=3, horizon=2))
    assert np.array_equal(rollout.seen_frames[1:], later.seen_frames[:2]), "0.2 s later is one frame later at 5 fps"


def test_at_the_end_of_the_clip_there_is_less_truth_but_a_full_prediction(explorer, clip):
    rollout = explorer.predict(clip, Window("one_frame", start=1.5, fps=10, seen=4, horizon=5))
    assert len(rollout.predictions) == 5 and len(rollout.truth) == 1


def test_too_late_a_start_is_refused_with_what_to_do(explorer, clip):
    with pytest.raises(RequestError, match="earlier start"):
        explorer.predict(clip, Window("one_frame", start=1.8, fps=10, seen=5))


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "lstm"}, {"fps": 7}, {"fps": "10"}, {"seen": 0}, {"seen": 21}, {"seen": 2.5}, {"seen": True},
        {"horizon": 0}, {"horizon": 11}, {"size": "huge"}, {"size": None}, {"size": 2}, {"start": -1.0},
        {"start": math.nan}, {"start": math.inf}, {"start": "0"}, {"size": "fine", "seen": 10},
    ],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused_before_anything_is_read(explorer, wrong):
    window = Window(**{"model": "one_frame", **wrong})
    with pytest.raises(RequestError):
        explorer.predict("there is no such file.mp4", window)


def test_at_the_fine_size_frames_are_twice_as_large_and_read_from_the_clip(explorer, clip):
    own, fine = (explorer.predict(clip, Window("one_frame", seen=3, horizon=2, size=size)) for size in ("own", "fine"))
    assert own.predictions.shape == (2, 32, 64, 3) and fine.predictions.shape == (2, 64, 128, 3)
    enlarged = own.seen_frames.repeat(2, axis=1).repeat(2, axis=2)
    assert np.abs(fine.seen_frames - enlarged).max() > 0.02, "a small picture enlarged, not the clip's own detail"
    hurt = explorer.silence(fine, ["C2"])
    assert hurt.predictions.shape == fine.predictions.shape
    assert np.abs(hurt.predictions - fine.predictions).max() > 0.01


def test_a_number_of_a_rollout_is_explained(explorer, clip):
    rollout = explorer.predict(clip, Window("one_frame", seen=3, horizon=2))
    number = explorer.explain(rollout, "C2", "3x3", 1, step=3, row=2, column=3)
    assert number.after == pytest.approx(rollout.states["C2"]["3x3"][3, 1, 2, 3], abs=0.03)
    with pytest.raises(RequestError, match="step"):
        explorer.explain(rollout, "C2", "3x3", 1, step=4, row=2, column=3)


def test_twelve_frames_fit_at_the_fine_size():
    Window("one_frame", seen=9, horizon=3, size="fine").check()
    with pytest.raises(RequestError, match="at most 12 frames .* 10 \\+ 3"):
        Window("one_frame", seen=10, horizon=3, size="fine").check()


def test_networks_of_one_encoder_keep_it_once():
    explorer = Explorer()
    alone = {name: Predictor(name, explorer.checkpoints.load(name)) for name in ("one_frame", "full_res")}
    together = {name: explorer.predictor(name) for name in alone}
    assert together["one_frame"].model.encoder is together["full_res"].model.encoder
    frames = np.random.default_rng(0).integers(0, 256, (6, 64, 96, 3), dtype=np.uint8)
    for name, predictor in together.items():
        expected = alone[name].run(frames, seen=5, horizon=1).predictions
        np.testing.assert_allclose(predictor.run(frames, seen=5, horizon=1).predictions, expected, atol=2e-3)
