"""vp.inspection.moments: which filters go together, and where one does the same again."""

import dataclasses

import numpy as np
import pytest

from vp.errors import RequestError
from vp.inspection import again, alike, course, index_passage, merge, silence_parts


@pytest.fixture(scope="module")
def rollout(predictor, frames):
    return predictor.run(frames, seen=6, horizon=3)


@pytest.fixture(scope="module")
def index(predictor, moving):
    return merge([index_passage(predictor, moving(14, 32, 64, seed=k), clip=f"{k}.mp4") for k in range(4)])


def with_course(rollout, block, kernel, filter, course, rows=slice(None)):
    """The same rollout in which a filter has a known state, everywhere or in some rows."""
    states = {b: {k: h.copy() for k, h in kernels.items()} for b, kernels in rollout.states.items()}
    states[block][kernel][:, filter, rows] = np.asarray(course, dtype=np.float32)[:, None, None]
    return dataclasses.replace(rollout, states=states)


def test_correlations_are_pearsons_and_the_strongest_come_first(rollout):
    found = alike(rollout, "C2", "5x5", 1, 2, 6, count=50)
    expected = rollout.states["C2"]["5x5"][2:7, 1].mean((1, 2))
    np.testing.assert_allclose(found.marked.curve, expected, atol=1e-6)
    assert found.marked.path == "C2.5x5.1" and len(found.others) == 3 * (2 + 3 + 4 + 5) - 1
    for other in found.others:
        block, kernel, filter = other.path.split(".")
        curve = rollout.states[block][kernel][2:7, int(filter)].mean((1, 2))
        np.testing.assert_allclose(other.curve, curve, atol=1e-6)
        assert other.correlation == pytest.approx(np.corrcoef(curve, expected)[0, 1], abs=1e-3)
    sizes = [abs(course.correlation) for course in found.others]
    assert sizes == sorted(sizes, reverse=True) and min(course.correlation for course in found.others) < 0


def test_a_twin_of_another_block_and_an_opposite_are_found_and_what_stands_still_is_not(rollout):
    wave = np.sin(np.arange(rollout.steps) * 1.7)
    made = with_course(rollout, "C1", "3x3", 0, wave)
    made = with_course(made, "C4", "7x7", 2, 0.1 * wave + 0.3)
    made = with_course(made, "C3", "5x5", 1, -0.5 * wave)
    made = with_course(made, "C2", "3x3", 0, np.full(rollout.steps, 0.7))
    found = alike(made, "C1", "3x3", 0, 0, rollout.steps - 1, count=100)
    first = {course.path: course.correlation for course in found.others[:2]}
    assert first == {"C4.7x7.2": pytest.approx(1, abs=1e-5), "C3.5x5.1": pytest.approx(-1, abs=1e-5)}
    assert "C2.3x3.0" not in [course.path for course in found.others]
    with pytest.raises(RequestError, match=r"C2\.3x3\.0 does not change"):
        alike(made, "C2", "3x3", 0, 0, 4)


def test_only_the_marked_part_of_the_frame_counts(rollout):
    wave = np.cos(np.arange(rollout.steps) * 2.1)
    height = rollout.states["C1"]["3x3"].shape[2]
    made = with_course(rollout, "C1", "3x3", 0, wave, rows=slice(0, height // 2))
    np.testing.assert_allclose(alike(made, "C1", "3x3", 0, 0, 4, (0, 0, 0.5, 1)).marked.curve, wave[:5], atol=1e-6)
    below = alike(made, "C1", "3x3", 0, 0, 4, (0.5, 0, 1, 1)).marked.curve
    np.testing.assert_allclose(below, rollout.states["C1"]["3x3"][:5, 0, height // 2 :].mean((1, 2)), atol=1e-6)
    # A part smaller than a place of the map is that place.
    tiny = alike(rollout, "C4", "3x3", 0, 0, 4, (0.51, 0.51, 0.52, 0.52)).marked.curve
    np.testing.assert_allclose(tiny, rollout.states["C4"]["3x3"][:5, 0, 1, 2], atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "region", "words"),
    [
        ((0, 1), (0, 0, 1, 1), "at least 3 steps between 0 and 7"),
        ((-1, 4), (0, 0, 1, 1), "at least 3 steps"),
        ((5, 8), (0, 0, 1, 1), "at least 3 steps"),
        ((0, 3.0), (0, 0, 1, 1), "at least 3 steps"),
        ((0, 4), (0.5, 0, 0.5, 1), "empty"),
        ((0, 4), (0, 0, float("nan"), 1), "finite"),
        ((0, 4), (0, 0, 1), "four"),
    ],
    ids=str,
)
def test_a_mark_that_makes_no_sense_is_refused(rollout, steps, region, words):
    with pytest.raises(RequestError, match=words):
        alike(rollout, "C1", "3x3", 0, *steps, region)


def test_without_the_inside_of_a_rollout_there_is_nothing_to_compare(predictor, rollout):
    with pytest.raises(RequestError, match="predict once more"):
        alike(silence_parts(predictor, rollout, ["C1"]), "C1", "3x3", 0, 0, 4)


def test_a_curve_is_found_where_it_comes_from_whatever_its_height(predictor, moving, index):
    part = ("C2", "7x7", 2)
    rollout = predictor.run(moving(14, 32, 64, seed=2), seen=13, horizon=1)
    curve = alike(rollout, *part, 4, 9).marked.curve
    found = again(index, *part, 0.1 * curve - 0.3)
    assert (found[0].clip, found[0].step, found[0].time) == ("2.mp4", 4, 0.4)
    assert found[0].correlation == pytest.approx(1, abs=5e-3)
    np.testing.assert_allclose(found[0].curve, curve, atol=0.01 * np.ptp(curve) + 1e-3)
    assert [one.correlation for one in found] == sorted((one.correlation for one in found), reverse=True)
    for one in found:
        assert one.correlation == pytest.approx(np.corrcoef(one.curve, curve)[0, 1], abs=1e-3)
        assert not any(o is not one and o.clip == one.clip and abs(o.step - one.step) < 6 for o in found)
    others = again(index, *part, curve, marked=("2.mp4", 0.4))
    assert others and not any(one.clip == "2.mp4" and abs(one.step - 4) < 6 for one in others)


def test_a_curve_at_another_frame_rate_is_brought_to_that_of_the_index(index):
    middle, step = index.scales[0, 0]
    course = middle + step * index.courses[0, :13].astype(np.float32)
    times = np.arange(0, 0.81, 1 / 25)
    fine = np.interp(times, np.arange(13) / 10, course)
    (first, *_) = again(index, "C1", "3x3", 0, fine, fps=25)
    assert (first.clip, first.step, len(first.curve)) == ("0.mp4", 0, 9) and first.correlation > 0.99


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ([0.1, 0.2], "0.3 to 1.3 seconds"),
        (np.arange(14.0), "0.3 to 1.3 seconds"),
        (np.ones(5), "does not change"),
        ([0.0, np.nan, 1.0], "finite"),
        ([], "finite"),
    ],
    ids=str,
)
def test_a_curve_that_cannot_be_compared_is_refused(index, curve, words):
    with pytest.raises(RequestError, match=words):
        again(index, "C1", "3x3", 0, np.asarray(curve))


def test_a_course_is_the_mean_over_the_places_of_a_part_at_every_step(rollout):
    states = rollout.states["C2"]["5x5"]
    np.testing.assert_allclose(course(rollout, "C2", "5x5", 1), states[:, 1].mean((1, 2)), atol=1e-6)
    upper = course(rollout, "C2", "5x5", 1, (0, 0, 0.5, 1))
    np.testing.assert_allclose(upper, states[:, 1, : states.shape[2] // 2].mean((1, 2)), atol=1e-6)
    with pytest.raises(RequestError, match="filters 0 to"):
        course(rollout, "C2", "5x5", 99)
