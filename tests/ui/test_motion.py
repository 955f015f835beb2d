"""vp.ui.motion: flow, mask and location maps as the page gets them."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from vp.errors import RequestError
from vp.predictor import Predictor
from vp.render import flow_colours
from vp.ui.motion import location_payload, motion_payload

CPU = {"device": torch.device("cpu"), "dtype": torch.float32}


def picture(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


@pytest.fixture(scope="module")
def rollout(make_ladder, moving):
    model = make_ladder(head="warp", refine=6, norm="group", seen=3)
    return Predictor("one_frame", model, **CPU).run(moving(5, 32, 64), horizon=2)


def test_colours_tell_direction_and_speed():
    flow = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 0.0], [30.0, 0.0], [1.5, 0.0]])
    red, cyan, white, fast, half = flow_colours(flow, 3.0).tolist()
    assert red == fast == [255, 0, 0] and cyan == [0, 255, 255] and white == [255, 255, 255]
    assert half == [255, 128, 128]


def test_motion_is_where_things_go(rollout):
    found = motion_payload(rollout)
    assert (found["steps"], found["size"]) == (4, [32, 64])
    assert picture(found["colours"]).shape == picture(found["mask"]).shape == (32, 4 * 64, 3)
    for t, frame in enumerate(found["arrows"]):
        assert len(frame) == len({(x, y) for x, y, *_ in frame}) > 50
        for x, y, right, down in frame[::7]:
            np.testing.assert_allclose([right, down], -rollout.flow[t, y, x], atol=0.006)
    speed = np.hypot(*np.moveaxis(rollout.flow, -1, 0)).mean((1, 2))
    np.testing.assert_allclose(found["speed"], speed, atol=1e-3)
    np.testing.assert_allclose(picture(found["mask"])[:, :64, 0] / 255, rollout.mask[0], atol=0.003)


def test_a_network_that_paints_has_no_flow(make_ladder, moving):
    painter = Predictor("one_frame", make_ladder(head="rgb", seen=3), **CPU)
    with pytest.raises(RequestError, match="without moving pixels"):
        motion_payload(painter.run(moving(5, 32, 64)))


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
