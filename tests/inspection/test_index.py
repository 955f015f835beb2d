"""vp.inspection.index and vp.inspection.exemplars: what every filter did in a set of clips."""

import dataclasses

import numpy as np
import pytest
import torch

from vp.errors import RequestError
from vp.inspection import exemplars, filter_profile, index_passage, merge
from vp.inspection.index import DIRECTIONS, MOTIONS, filter_paths, motion_bins

SEEN = 7  # of the eight frames


@pytest.fixture(scope="module")
def index(predictor, frames):
    return index_passage(predictor, frames, clip="a.mp4", start=2.0, silence_each=True)


@pytest.fixture(scope="module")
def rollout(predictor, frames):
    return predictor.run(frames, seen=SEEN, horizon=1)


@pytest.fixture(scope="module")
def several(predictor, moving):
    """Two passages of each of eight clips."""
    made = []
    for k in range(8):
        frames = moving(12, 32, 64, seed=k)
        made += [
            index_passage(predictor, part, clip=f"{k}.mp4", start=start)
            for start, part in ((0.0, frames[:6]), (0.5, frames[5:]))
        ]
    return merge(made)


def parts(index):
    return [
        (block, kernel, int(filter)) for block, kernel, filter in (p.split(".") for p in filter_paths(index.widths))
    ]


def test_filters_stand_in_the_order_of_their_names(index):
    assert len(index.peaks[0]) == 3 * (2 + 3 + 4 + 5) == len(parts(index))
    assert [index.row(*part) for part in parts(index)] == list(range(len(parts(index))))


@pytest.mark.parametrize(("quantity", "first"), [("h", 0), ("z", 0), ("dh", 1)])
def test_a_peak_is_the_largest_value_of_a_passage_and_where_it_is(index, rollout, quantity, first):
    for block, kernel, filter in parts(index):
        values = rollout.activation(block, kernel, quantity)[:, filter]
        (moment,) = exemplars(index, block, kernel, filter, quantity)
        assert (moment.clip, moment.start, moment.time) == ("a.mp4", 2.0, 2.0 + moment.step / 10)
        assert abs(moment.value) == pytest.approx(np.abs(values[first:]).max(), abs=2e-3)
        assert values[moment.step, moment.row, moment.column] == pytest.approx(moment.value, abs=2e-3)
        assert moment.step >= first


def test_courses_are_kept_to_a_hundredth_of_their_span(index, rollout):
    for row, (block, kernel, filter) in enumerate(parts(index)):
        course = rollout.states[block][kernel][:, filter].mean((1, 2))
        middle, step = index.scales[row, 0]
        assert np.abs(middle + step * index.courses[row] - course).max() <= 0.01 * np.ptp(course) + 1e-6
    assert index.courses.dtype == np.int8 and np.abs(index.courses.astype(int)).max() == 127


def test_what_is_lost_without_a_filter_is_what_silencing_it_for_real_loses(predictor, frames, index):
    window = frames[SEEN - 4 :]  # as many as the network was made for, and the truth
    whole = predictor.run(window, seen=4, horizon=1).scores["psnr"][0]
    for part in [("C1", "7x7", 1), ("C2", "3x3", 0), ("C3", "5x5", 3), ("C4", "3x3", 4)]:
        hurt = predictor.run(window, seen=4, horizon=1, silence=["{}.{}.{}".format(*part)]).scores["psnr"][0]
        profile = filter_profile(index, *part)
        assert profile.lost == {"a.mp4": pytest.approx(whole - hurt, abs=2e-3)}
        assert profile.mean_lost == profile.lost["a.mp4"]
    assert np.abs(index.lost).max() > 0.01


def test_where_it_was_not_tried_nothing_is_said_of_a_loss(several):
    profile = filter_profile(several, "C1", "3x3", 0)
    assert profile.lost == {} and profile.mean_lost is None


def test_exemplars_are_the_largest_of_all_one_a_clip(several):
    for part in parts(several)[::5]:
        for quantity, moments in filter_profile(several, *part).moments.items():
            sizes = [abs(moment.value) for moment in moments]
            assert len(moments) == 6 == len({moment.clip for moment in moments})
            assert sizes == sorted(sizes, reverse=True)
            row = several.row(*part)
            values = np.abs(several.peaks[["h", "z", "dh"].index(quantity), row]).reshape(8, 2).max(1)
            assert sizes == pytest.approx(sorted(values, reverse=True)[:6], abs=1e-6)


@pytest.mark.parametrize(
    ("moved", "bin"),
    [
        ((0.0, 0.0), 0),
        ((0.2, 0.1), 0),
        ((0.5, 0.0), 1),  # to the right, slowly
        ((0.0, -0.5), 1 + 2),  # up
        ((-0.5, 0.0), 1 + 4),
        ((-1.5, 0.1), 1 + DIRECTIONS + 4),
        ((0.0, 3.0), 1 + 2 * DIRECTIONS + 6),  # down
        ((5.0, 5.0), 1 + 3 * DIRECTIONS + 7),  # right and down
    ],
)
def test_motion_is_sorted_by_direction_and_size(moved, bin):
    displacement = -torch.tensor(moved).view(1, 2, 1, 1)  # a match looks back to where something came from
    assert motion_bins(displacement).item() == bin < MOTIONS


def test_the_polar_plot_has_the_mean_state_by_the_motion_found_there(predictor, frames, index, rollout):
    profile = filter_profile(index, "C2", "5x5", 1)
    if predictor.model.config.design == "paper":
        assert profile.polar is None
        return
    x = torch.from_numpy(rollout.seen_frames).permute(0, 3, 1, 2)
    with torch.inference_mode():
        displacement = predictor.model.observe(x, batch=1).displacement["C2"][1:]
    right, up = -displacement[:, 0].numpy(), displacement[:, 1].numpy()
    h, speed = rollout.states["C2"]["5x5"][1:, 1], np.hypot(right, up)
    assert profile.polar.still == pytest.approx(h[speed < 0.25].mean(), abs=1e-4)
    leftwards = (speed >= 0.25) & (speed < 1) & (np.abs(np.degrees(np.arctan2(up, -right))) < 22.5)
    assert leftwards.sum() == profile.polar.count[0, 4] > 0 and profile.polar.directions[4] == 180
    assert profile.polar.activation[0, 4] == pytest.approx(h[leftwards].mean(), abs=1e-4)
    assert profile.polar.count.sum() == (speed >= 0.25).sum()
    assert np.isnan(profile.polar.activation[profile.polar.count == 0]).all()


def test_merging_adds_up_and_keeps_apart(several):
    assert len(several.passages) == 16 and several.peaks.shape[2] == 16 == several.lost.shape[1]
    assert list(several.begins[:3]) == [0, 5, 11] and several.courses.shape[1] == 8 * 11
    with pytest.raises(RequestError, match="same network"):
        merge([several, dataclasses.replace(several, model="lvln")])


def test_what_is_not_there_is_refused(predictor, frames, index):
    with pytest.raises(RequestError, match="filters 0 to 1, not 2"):
        filter_profile(index, "C1", "3x3", 2)
    with pytest.raises(RequestError, match="h, z, dh, not of 'r'"):
        exemplars(index, "C1", "3x3", 0, "r")
    with pytest.raises(RequestError, match="three frames"):
        index_passage(predictor, frames[:2], clip="short.mp4")
