"""vp.moving_circle: the moving circle that a visitor sets off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp.errors import ClipError
from vp.moving_circle import BACKGROUND, HEIGHT, WIDTH, Circle


def centres(clip: np.ndarray) -> np.ndarray:
    weights = np.abs(clip.astype(float) - BACKGROUND).sum(-1)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    total = weights.sum((1, 2))
    return np.stack([(weights * x).sum((1, 2)) / total, (weights * y).sum((1, 2)) / total], axis=1)


@settings(max_examples=8)
@given(angle=st.floats(-180, 180), speed=st.floats(1, 12), radius=st.floats(6, 40))
def test_it_starts_in_the_middle_and_moves_as_told(angle, speed, radius):
    places = centres(Circle(angle, speed, radius).frames(4))
    np.testing.assert_allclose(places[0], [WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5], atol=0.02)
    step = speed * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    np.testing.assert_allclose(np.diff(places, axis=0), np.broadcast_to(step, (3, 2)), atol=0.04)


def test_it_bounces_and_stays_whole():
    clip = Circle(30, 40, 30, (255, 0, 0)).frames(40)
    lit = (clip[..., 0] > 128).sum((1, 2))
    assert lit.min() > 0.98 * lit.max()
    places = centres(clip)
    assert places[:, 0].min() >= 29 and places[:, 0].max() <= WIDTH - 30
    assert (np.diff(places[:, 0]) > 0).any() and (np.diff(places[:, 0]) < 0).any()
    assert clip[0, HEIGHT // 2, WIDTH // 2].tolist() == [255, 0, 0] and clip[0, 0, 0].tolist() == list(BACKGROUND)


def test_an_id_says_it_all():
    assert Circle.parse("circle:-45,9.5,14,ff8000") == Circle(-45, 9.5, 14, (255, 128, 0))


@pytest.mark.parametrize(
    "id",
    ["circle:", "circle:0,9,14", "circle:0,99,14,ffffff", "circle:0,9,1,ffffff", "circle:x,9,14,ffffff",
     "circle:0,9,14,ffffff/../..", "circle:nan,9,14,ffffff"],
)  # fmt: skip
def test_others_are_refused(id):
    with pytest.raises(ClipError):
        Circle.parse(id)
