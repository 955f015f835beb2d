"""Pictures made of arrays: what they show can be read back from them."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vp import render
from vp.rollout import Rollout


@pytest.fixture
def rollout() -> Rollout:
    rng = np.random.default_rng(0)

    def frames(count: int) -> np.ndarray:
        return rng.random((count, 64, 96, 3), dtype=np.float32)

    return Rollout("one_frame", frames(5), frames(3), frames(2), frames(4), {}, {}, None, None, 0.1)


@given(
    steps=st.integers(1, 4), filters=st.integers(1, 6), height=st.integers(1, 5), width=st.integers(1, 7),
    signed=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_a_sprite_gives_the_values_back(steps, filters, height, width, signed, seed):
    rng = np.random.default_rng(seed)
    loudness = 10.0 ** rng.uniform(-3, 0, (1, filters, 1, 1))  # quiet filters must keep their detail
    values = loudness * rng.uniform(-1 if signed else 0, 1, (steps, filters, height, width))
    sprite, scale = render.activation_sprite(values.astype(np.float32), signed)
    assert sprite.shape == (steps * height, filters * width) and sprite.dtype == np.uint8
    grey = sprite.reshape(steps, height, filters, width).transpose(0, 2, 1, 3).astype(float)
    unit = (grey - 127.5) / 127.5 if signed else grey / 255
    # Half a grey level each way, of this filter's own range.
    error = np.abs(unit * scale[None, :, None, None] - values).max(axis=(0, 2, 3))
    assert (error <= scale * (1.01 / 127.5)).all()


def test_a_film_strip_goes_from_left_to_right():
    frames = np.linspace(0, 1, 4, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 3, 3), dtype=np.float32)
    strip = render.film_strip(frames)
    assert strip.shape == (2, 12, 3)
    assert strip[0, ::3, 0].tolist() == [0, 85, 170, 255]


def test_the_diverging_scale_is_white_at_zero_blue_below_and_red_above():
    below, zero, above = render.diverging(np.array([-0.6, 0.0, 0.6]))
    assert below[2] > below[0] and above[0] > above[2]
    assert (zero > 240).all()


def test_a_filter_grid_on_a_shared_scale_keeps_quiet_filters_pale():
    values = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 0.01)])
    shared, each = render.filter_grid(values, zoom=1), render.filter_grid(values, zoom=1, per_filter=True)
    assert shared[0, 4].min() > 230, "a hundredth of the peak is nearly white"
    assert (each[0, 4] == each[0, 0]).all(), "on its own scale it is as strong as the other"


def test_png_round_trip():
    picture = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    assert (np.asarray(Image.open(io.BytesIO(render.png(picture)))) == picture).all()


def test_the_video_shows_seen_frames_alike_and_marks_predicted_ones(rollout, tmp_path):
    frames = render.side_by_side(rollout, scale=2)
    assert len(frames) == 8 and frames.shape[1] % 2 == 0 and frames.shape[2] % 2 == 0
    accent = np.array(render.PREDICTED)

    def orange(frame: np.ndarray) -> int:
        return int((np.abs(frame.astype(int) - accent).max(-1) == 0).sum())

    assert orange(frames[4]) == 0 and orange(frames[5]) > 500
    pitch = 96 * 2 + 8  # from one column to the next
    truth, prediction = (frames[:, 40:100, 20 + x : 150 + x] for x in (0, pitch))
    assert np.array_equal(truth[:5], prediction[:5]) and not np.array_equal(truth[5], prediction[5])
    path = render.side_by_side_mp4(rollout, tmp_path / "out.mp4", fps=10)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8 + 3
