"""train.data.circle_sequences: the paper's moving circle."""

import numpy as np

from train.data.circle_sequences import FRAMES, STEP, VARIANTS, build, circle
from train.data.frame_cache import read_index


def centre(frame: np.ndarray) -> tuple[float, float]:
    weights = frame[..., 0].astype(float)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    return (weights * y).sum() / weights.sum(), (weights * x).sum() / weights.sum()


def test_it_moves_sideways_at_a_steady_pace_and_stays_round():
    clip = circle(128, 160)
    places = np.array([centre(frame) for frame in clip])
    assert np.allclose(places[:, 0], 63.5, atol=0.01)
    assert np.allclose(np.diff(places[:, 1]), STEP, atol=0.01)
    areas = clip[..., 0].astype(float).sum((1, 2)) / 255
    assert np.allclose(areas, np.pi * 14**2, rtol=0.01)
    assert clip[:, :, [0, -1]].max() == 0  # it never touches the frame


def test_a_mirrored_one_moves_the_other_way_and_a_shifted_one_lower():
    assert np.array_equal(circle(128, 160, mirror=True), circle(128, 160)[:, :, ::-1])
    assert centre(circle(128, 160, shift=20)[0])[0] == centre(circle(128, 160)[0])[0] + 20


def test_the_five_sequences_are_five_and_cached_once(tmp_path):
    names = build(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert build(tmp_path) == names == list(VARIANTS)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}.items() <= before.items()
    index = read_index(tmp_path)
    assert index == dict.fromkeys(names, (FRAMES, 10.0))
    clips = [np.load(tmp_path / f"{name}.npy") for name in names]
    assert len({clip.tobytes() for clip in clips}) == 5
