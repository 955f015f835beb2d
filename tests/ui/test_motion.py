"""vp.ui.experiments.motion and ladder_map: flow, mask and location maps as the page gets them."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vp.errors import RequestError
from vp.inspection import built_up
from vp.models import KERNELS
from vp.predictor import Predictor
from vp.rollout import Rollout
from vp.ui.experiments.ladder_map import moves_payload
from vp.ui.experiments.motion import location_payload, motion_drawing, motion_numbers

CPU = {"device": torch.device("cpu"), "dtype": torch.float32}


def motion_payload(rollout: Rollout) -> dict:
    levels = built_up(rollout)
    return motion_numbers(rollout, levels) | motion_drawing(rollout, levels)


def unpacked(packed: dict) -> np.ndarray:
    """The motion [steps, h, w, 2] in pixels that a page reads."""
    height, width = packed["size"]
    grey = picture(packed["sprite"]).astype(float).reshape(2, height, -1, width)
    return packed["peak"] * (grey.transpose(2, 1, 3, 0) - 128) / 127


def picture(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


@pytest.fixture(scope="module")
def predictor(make_ladder):
    return Predictor("one_frame", make_ladder(design="motion", seen=3), **CPU)


@pytest.fixture(scope="module")
def rollout(predictor, moving):
    return predictor.run(moving(5, 32, 64), horizon=2)


def test_motion_is_where_things_go(rollout):
    found = motion_payload(rollout)
    assert (found["steps"], found["size"]) == (4, [32, 64])
    assert picture(found["mask"]).shape == (32, 4 * 64)
    whole, finest = found["levels"][-1], rollout.levels["C1"]
    np.testing.assert_allclose(unpacked(whole), -finest, atol=whole["peak"] / 250)
    for speed, flow in ((whole["speed"], finest), (found["speed"], rollout.flow)):
        np.testing.assert_allclose(speed, np.hypot(*np.moveaxis(flow, -1, 0)).mean((1, 2)), atol=1e-3)
    np.testing.assert_allclose(picture(found["mask"])[:, :64] / 255, rollout.mask[0], atol=0.003)


def test_what_rests_is_packed_as_resting(rollout):
    finest = np.zeros_like(rollout.levels["C1"])
    finest[..., 8, 8, 0] = 30
    sprite = motion_payload(replace(rollout, levels=rollout.levels | {"C1": finest}))["levels"][-1]
    assert np.count_nonzero(unpacked(sprite)) == 4
    still = replace(rollout, levels={block: 0 * level for block, level in rollout.levels.items()})
    assert not any(unpacked(level).any() for level in motion_payload(still)["levels"])


def test_a_network_that_paints_has_no_flow(make_ladder, moving):
    painter = Predictor("one_frame", make_ladder(seen=3), **CPU)
    with pytest.raises(RequestError, match="without moving pixels"):
        motion_payload(painter.run(moving(5, 32, 64)))
    assert moves_payload(painter.run(moving(5, 32, 64))) == {}


def shifted(rollout, *, right: int):
    """A run on a picture that moves `right` pixels a step: C3 finds half of it, C2 the rest, the others nothing; the
    clip ends a frame early."""
    rng = np.random.default_rng(0)
    wide = rng.random((32, 64 + 5 * right, 3), dtype=np.float32)
    frames = np.stack([wide[:, right * (4 - t) : right * (4 - t) + 64] for t in range(5)])
    found = {"C4": 0.0, "C3": 0.5, "C2": 1.0, "C1": 1.0}
    back = np.array([-right, 0], dtype=np.float32)
    return replace(
        rollout,
        seen_frames=frames[:3],
        one_step=frames[1:3],
        predictions=frames[3:],
        truth=frames[3:4],
        levels={block: share * back + np.zeros_like(rollout.levels[block]) for block, share in found.items()},
        flow=back + np.zeros_like(rollout.flow),
    )


def test_levels_are_worth_what_they_bring_closer_to_the_truth(rollout):
    moving_right = shifted(rollout, right=4)
    levels = {level.name: level for level in built_up(moving_right)}
    assert list(levels) == ["C4", "C3", "C2", "C1"]
    known = slice(0, 3)  # three steps have a true next frame
    for level in levels.values():
        assert level.gain[3:] == level.share[3:] == [None]
    shares = np.array([level.share[known] for level in levels.values()], dtype=float)
    np.testing.assert_allclose(shares.sum(0), levels["C1"].gain[known], atol=1e-4)
    np.testing.assert_allclose(shares[[0, 3]], 0, atol=1e-4)
    assert (shares[2] > 3).all()  # only with C2's step does the picture lie where it should
    np.testing.assert_allclose(levels["C4"].moved[:3], moving_right.seen_frames, atol=1e-5)
    np.testing.assert_allclose(levels["C2"].moved[:2, :, 4:], moving_right.seen_frames[1:, :, 4:], atol=1e-4)
    for name, added in (("C4", 0), ("C3", -2), ("C2", -2), ("C1", 0)):
        np.testing.assert_allclose(levels[name].added[..., 0], added, atol=1e-5, err_msg=name)
        assert not levels[name].added[..., 1].any()


@pytest.mark.parametrize(("coarse", "silent"), [("C4", "C3 C2 C1"), ("C3", "C2 C1"), ("C2", "C1")])
def test_a_level_is_what_the_network_moves_while_the_finer_memories_are_silent(
    predictor, rollout, moving, coarse, silent
):
    parts = [f"{block}.{kernel}" for block in silent.split() for kernel in KERNELS]
    hurt = predictor.run(moving(5, 32, 64), horizon=2, silence=parts)
    whole, cut = ({level.name: level for level in built_up(run)} for run in (rollout, hurt))
    # While real frames are read, the coarser memories do not know that the finer are silent.
    np.testing.assert_allclose(cut["C1"].moved[:3], whole[coarse].moved[:3], atol=2e-3)
    assert np.abs(whole["C1"].moved - whole[coarse].moved).max() > 0.02
    for block in silent.split():
        assert np.abs(cut[block].added).max() < 1e-3 < np.abs(whole[block].added).max(), block


def test_the_page_gets_each_level_on_its_own_grid(rollout):
    found = motion_payload(rollout)
    levels = built_up(rollout)
    assert [level["name"] for level in found["levels"]] == [level.name for level in levels]
    assert [level["size"] for level in found["levels"]] == [[2, 4], [4, 8], [8, 16], [16, 32]]
    for page, level in zip(found["levels"], levels, strict=True):
        np.testing.assert_allclose(unpacked(page), -level.flow, atol=page["peak"] / 250)
        np.testing.assert_allclose(page["gain"], level.gain, atol=1e-3)
    scores = rollout.scores
    assert found["gain"][2] == pytest.approx(scores["psnr"][0] - scores["copy_last_psnr"][0], abs=1e-3)
    moves = moves_payload(rollout)
    for level in levels:
        move = moves[level.name]
        np.testing.assert_allclose(unpacked(move), -level.added, atol=move["peak"] / 250)
    assert {name: move["share"] for name, move in moves.items()} == {level.name: level.share for level in levels}


def test_location_biases_are_drawn_around_zero(make_ladder):
    model = make_ladder()
    with torch.no_grad():
        model.laterals["C3"].skip.location.zero_()
        model.laterals["C3"].skip.location[0, 1, 2, 3] = -0.5
    maps = location_payload(model)
    assert set(maps) == {"C3", "C4"}
    c3 = maps["C3"]
    sprite = picture(c3["sprite"])
    assert (c3["filters"], c3["size"], c3["scale"]) == (4, [4, 8], 0.5)
    assert sprite.shape == (4, 4 * 8) and sprite[2, 8 + 3] == 0
    assert (np.delete(sprite.ravel(), 2 * 32 + 11) == 128).all()
