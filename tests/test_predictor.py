"""vp.predictor: frames of any size in, a Rollout out."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vp.checkpoints import save_encoder, save_predictor
from vp.errors import CheckpointError, RequestError
from vp.limits import MAX_HORIZON, MAX_SEEN
from vp.metrics import psnr
from vp.models import BLOCKS, KERNELS, build
from vp.models.config import DESIGNS
from vp.predictor import Predictor, load_predictor

CPU = {"device": torch.device("cpu"), "dtype": torch.float32}


@pytest.fixture(scope="module")
def predictor(make_ladder) -> Predictor:
    return Predictor("one_frame", make_ladder(design="motion", seen=4), source="here", **CPU)


@pytest.fixture(scope="module")
def frames(moving) -> np.ndarray:
    return moving(8, 32, 64)


def as_batch(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 255


def test_it_knows_what_it_is(predictor):
    assert (predictor.name, predictor.title, predictor.source) == ("one_frame", "One-frame", "here")
    assert (predictor.size, predictor.default_seen) == ((32, 64), 4)
    assert not predictor.model.training
    assert not any(p.requires_grad for p in predictor.model.parameters())


@pytest.mark.parametrize("design", DESIGNS)
def test_fine_is_the_network_built_for_twice_the_size(make_ladder, make_config, moving, design):
    own = Predictor("one_frame", make_ladder(design=design, seen=3), **CPU)
    maps = own.model.state_dict()
    for name in maps:
        if name.endswith(".location"):
            size = [2 * side for side in maps[name].shape[-2:]]
            maps[name] = F.interpolate(maps[name], size=size, mode="bilinear", align_corners=False)
    larger = build(make_config(design=design, seen=3, height=64, width=128))
    larger.load_state_dict(maps)
    frames = moving(6, 90, 130)
    fine, direct = own.fine(), Predictor("one_frame", larger, **CPU)
    assert fine.size == (64, 128) and own.size == (32, 64) and fine.model is own.model
    found, expected = fine.run(frames, horizon=2), direct.run(frames, horizon=2)
    assert found.predictions.shape == (2, 64, 128, 3)
    np.testing.assert_allclose(found.seen_frames, expected.seen_frames)
    np.testing.assert_allclose(found.predictions, expected.predictions, atol=1e-5)
    for block in BLOCKS:
        assert found.states[block]["5x5"].shape[-2:] == larger.config.map_size(block)
        np.testing.assert_allclose(found.states[block]["5x5"], expected.states[block]["5x5"], atol=1e-5)


def test_a_rollout_holds_what_the_network_made(predictor, frames):
    rollout = predictor.run(frames, seen=3, horizon=2)
    with torch.inference_mode():
        out = predictor.model.rollout(as_batch(frames[:3]), 2, record=True)
    pictures = out.frames[0].clamp(0, 1).permute(0, 2, 3, 1).numpy()
    assert (rollout.model, rollout.seen, rollout.horizon, rollout.steps) == ("one_frame", 3, 2, 4)
    np.testing.assert_array_equal(rollout.seen_frames, frames[:3] / np.float32(255))
    np.testing.assert_array_equal(rollout.truth, frames[3:5] / np.float32(255))
    np.testing.assert_allclose(rollout.one_step, pictures[:2], atol=1e-4)
    np.testing.assert_allclose(rollout.predictions, pictures[2:], atol=1e-4)
    np.testing.assert_allclose(rollout.flow, out.flow[0].permute(0, 2, 3, 1), atol=1e-3)
    np.testing.assert_allclose(rollout.mask, out.mask[0, :, 0], atol=1e-4)
    assert list(rollout.levels) == ["C4", "C3", "C2", "C1"]
    for block, flow in rollout.levels.items():
        assert flow.shape == (4, *predictor.model.config.map_size(block), 2)
        np.testing.assert_allclose(flow, out.levels[block][0].permute(0, 2, 3, 1), atol=1e-3)
    for block in BLOCKS:
        for kernel in KERNELS:
            np.testing.assert_allclose(rollout.states[block][kernel], out.trace[block][kernel].h[0], atol=1e-4)
            for gate in "zrn":
                want = getattr(out.trace[block][kernel], gate)[0]
                np.testing.assert_allclose(rollout.gates[block][kernel][gate], want, atol=1e-4)
    assert rollout.seconds > 0


def test_predictions_are_pictures_even_where_the_network_leaves_the_range(make_ladder, frames):
    model = make_ladder()
    with torch.no_grad():
        model.head.output.bias.copy_(torch.tensor([20.0, -20.0, 0.0]))
    rollout = Predictor("lvln", model, **CPU).run(frames, seen=2, horizon=2)
    assert (rollout.predictions[..., 0] == 1).all() and (rollout.predictions[..., 1] == 0).all()
    assert rollout.one_step.min() >= 0 and rollout.one_step.max() <= 1
    assert rollout.flow is None and rollout.mask is None and rollout.levels == {}


def test_seen_defaults_to_what_the_network_was_trained_with(predictor, frames):
    rollout = predictor.run(frames)
    assert (rollout.seen, rollout.horizon, len(rollout.truth)) == (4, 3, 3)


@pytest.mark.parametrize(("count", "truth"), [(3, 0), (4, 1), (8, 2)])
def test_truth_goes_as_far_as_the_clip(predictor, frames, count, truth):
    rollout = predictor.run(frames[:count], seen=3, horizon=2)
    assert len(rollout.truth) == truth and len(rollout.predictions) == 2
    assert len(rollout.scores["psnr"]) == truth


def test_the_future_is_not_looked_at(predictor, frames):
    other = frames.copy()
    other[3:] = 0
    a, b = predictor.run(frames, seen=3), predictor.run(other, seen=3)
    np.testing.assert_array_equal(a.predictions, b.predictions)
    assert not np.array_equal(a.truth, b.truth)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_and_bytes_are_the_same_pictures(predictor, frames, dtype):
    a, b = predictor.run(frames, seen=2), predictor.run((frames / 255).astype(dtype), seen=2)
    np.testing.assert_allclose(a.seen_frames, b.seen_frames, atol=5e-4 if dtype == np.float16 else 1e-6)
    np.testing.assert_allclose(a.predictions[0], b.predictions[0], atol=2e-2 if dtype == np.float16 else 1e-4)
    assert b.predictions.dtype == b.truth.dtype == np.float32


def test_floats_a_little_beyond_the_range_are_clipped(predictor, frames):
    sharp = np.where(frames > 128, 1.2, -0.2)
    np.testing.assert_array_equal(predictor.run(sharp, seen=2).seen_frames, (frames > 128).astype(np.float32)[:2])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.astype(np.float32), r"0 to 25\d: .*divide 0\.\.255 by 255.* uint8"),
        (lambda f: f.astype(np.float16), r"0 to 25\d"),
        (lambda f: f / 127.5 - 1, r"-(1|0\.9\d+) to (1|0\.9\d+): "),
        (lambda f: (f / 255 - 0.45) / 0.225, r"-2 to 2\.4"),
        (lambda f: f / 255 * 100.0, r"0 to (100|9\d\.\d+): "),
        (lambda f: np.where(np.arange(len(f))[:, None, None, None] == 7, 2.0, f / 255), "to 2"),
    ],
    ids=["bytes", "bytes in half", "around zero", "standardised", "percent", "one frame"],
)
def test_floats_of_another_scale_are_refused(predictor, frames, change, says):
    wild = change(frames)
    for use in (
        lambda: predictor.run(wild, seen=2),
        lambda: predictor.resize(wild),
        lambda: predictor.prepare(wild, 2, 1),
    ):
        with pytest.raises(RequestError, match=rf"float frames must lie in \[0, 1\].*{says}"):
            use()


def test_weights_that_predict_what_is_not_finite_give_no_rollout(make_ladder, frames):
    for value in (float("nan"), 3e38):
        model = make_ladder(design="motion")
        model.blend.output.weight.data.fill_(value)
        with pytest.raises(CheckpointError, match="weights of L-VLN .* not finite"):
            Predictor("lvln", model, **CPU).run(frames, seen=2)


@pytest.mark.parametrize("size", [(240, 320), (16, 16), (1, 1), (33, 500)])
def test_frames_of_any_size_are_resized(predictor, moving, size):
    rollout = predictor.run(moving(3, *size), seen=2, horizon=1)
    assert rollout.seen_frames.shape == (2, 32, 64, 3)
    assert rollout.predictions.shape == rollout.truth.shape == (1, 32, 64, 3)
    assert rollout.seen_frames.min() >= 0 and rollout.seen_frames.max() <= 1


def test_resizing_averages_over_area(predictor):
    noise = np.random.default_rng(0).random((1, 128, 256, 3))  # four times finer than the network's pixels
    seen = predictor.run(noise, seen=1).seen_frames
    assert seen.mean() == pytest.approx(0.5, abs=0.01)
    assert seen.std() < noise.std() / 4  # picking or blending the nearest pixels would keep half of it or more


def test_slices_and_reversed_views_are_read_as_they_look(predictor, frames):
    backwards, mirrored = frames[::-1], frames[:, :, ::-1]
    for view in (backwards, mirrored):
        a, b = predictor.run(view, seen=2), predictor.run(view.copy(), seen=2)
        np.testing.assert_array_equal(a.predictions, b.predictions)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seen": 0}, f"seen .* 1 to {MAX_SEEN}"),
        ({"seen": MAX_SEEN + 1}, f"seen .* 1 to {MAX_SEEN}"),
        ({"seen": 2.0}, "seen must be a whole number"),
        ({"seen": True}, "seen must be a whole number"),
        ({"seen": "2"}, "seen must be a whole number"),
        ({"horizon": 0}, f"horizon .* 1 to {MAX_HORIZON}"),
        ({"horizon": MAX_HORIZON + 1}, f"horizon .* 1 to {MAX_HORIZON}"),
        ({"horizon": None}, "horizon must be a whole number"),
        ({"seen": 9}, "8 frames but 9 are to be seen: choose"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(predictor, frames, settings, message):
    with pytest.raises(RequestError, match=message):
        predictor.run(frames, **settings)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((4, 32, 64), np.uint8), "time, height, width, 3"),
        (np.zeros((4, 32, 64, 4), np.uint8), "time, height, width, 3"),
        ([[1, 2], [3, 4]], "time, height, width, 3"),
        (np.zeros((4, 0, 64, 3), np.uint8), "empty"),
        (np.zeros((0, 32, 64, 3), np.uint8), "0 frames"),
        (np.zeros((4, 32, 64, 3), np.int64), "int64"),
        (np.zeros((4, 32, 64, 3), bool), "bool"),
        (np.full((4, 32, 64, 3), np.nan, np.float32), "finite"),
        (np.full((4, 32, 64, 3), np.inf), "finite"),
    ],
    ids=["no colours", "four colours", "a list", "no height", "no time", "int64", "bool", "nan", "infinite"],
)
def test_what_is_no_clip_is_refused(predictor, bad, message):
    with pytest.raises(RequestError, match=message):
        predictor.run(bad, seen=2)


@pytest.mark.parametrize(("seen", "horizon"), [(MAX_SEEN, MAX_HORIZON), (np.int64(1), np.int32(1))])
def test_the_ends_of_the_range_work(predictor, moving, seen, horizon):
    rollout = predictor.run(moving(30, 32, 64), seen=seen, horizon=horizon)
    assert (rollout.seen, rollout.horizon, rollout.steps) == (seen, horizon, seen + horizon - 1)
    assert rollout.states["C4"]["7x7"].shape[0] == len(rollout.flow) == len(rollout.mask) == rollout.steps


@pytest.mark.parametrize("design", DESIGNS)
def test_a_loaded_network_predicts_what_the_saved_one_did(make_ladder, frames, tmp_path, design):
    model = make_ladder(design=design)
    want = Predictor("full_res", model, **CPU).run(frames, seen=3)
    save_encoder(tmp_path, model, provenance="a test", precision="float32")
    save_predictor(tmp_path, "full_res", model, training={}, scores={}, precision="float32")
    loaded = load_predictor("full_res", str(tmp_path), **CPU)
    assert (loaded.title, loaded.source) == ("Full-res", str(tmp_path))
    np.testing.assert_allclose(loaded.run(frames, seen=3).predictions, want.predictions, atol=1e-5)
    with pytest.raises(CheckpointError, match="lvln"):
        load_predictor("lvln", str(tmp_path))


@pytest.mark.ucf101
def test_real_frames_go_through(predictor, originals):
    import av

    with av.open(str(originals[0])) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(6))]
    rollout = predictor.run(np.stack(decoded), seen=3, horizon=3)
    assert len(rollout.scores["psnr"]) == 3
    seen = torch.from_numpy(rollout.seen_frames).permute(0, 3, 1, 2)
    assert psnr(seen[0], seen[1]) > 15  # neighbouring frames look alike, so they were not scrambled
    assert rollout.seen_frames.std() > 0.05


def test_a_silenced_part_changes_the_prediction_and_an_unknown_one_is_refused(predictor, frames):
    plain, hurt = predictor.run(frames, horizon=2), predictor.run(frames, horizon=2, silence=["C1.3x3", "C4"])
    assert np.abs(plain.predictions - hurt.predictions).max() > 1e-3
    assert not hurt.states["C1"]["3x3"].any() and not hurt.states["C4"]["7x7"].any() and hurt.states["C2"]["3x3"].any()
    with pytest.raises(RequestError, match=r"C1\.location|no location bias"):
        predictor.run(frames, silence=["C1.location"])
