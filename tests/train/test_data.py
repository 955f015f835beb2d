"""train.data: what sample number i is, and that it never changes."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train.data import Augmentation, Collate, Windows, apply_colour, fixed_windows

PLAIN = Augmentation()
EVERYTHING = Augmentation(scale=(0.5, 1), aspect=1.3, flip=True, reverse=0.5, colour=0.3, fps=(8, 15))
CLIPS = {f"clip{k}": (20 + 7 * k, 25.0 if k % 2 else 30000 / 1001) for k in range(6)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Six clips. Pixels say where they are from: red is the frame, green the column, blue the clip and the row."""
    folder = tmp_path_factory.mktemp("cache")
    with (folder / "index.jsonl").open("w", encoding="utf-8") as index:
        for k, (name, (count, fps)) in enumerate(CLIPS.items()):
            frames = np.empty((count, 24, 32, 3), np.uint8)
            frames[..., 0] = np.arange(count)[:, None, None]
            frames[..., 1] = np.arange(32)
            frames[..., 2] = 40 * k + np.arange(24)[:, None]
            np.save(folder / f"{name}.npy", frames)
            index.write(json.dumps([name, count, fps]) + "\n")
    return folder


@pytest.fixture(scope="module")
def windows(cache):
    def make(augmentation=PLAIN, *, seed=1, length=4, samples=10**6, names=tuple(CLIPS)):
        return Windows(cache, list(names), length=length, augmentation=augmentation, seed=seed, samples=samples)

    return make


def clip_of(frames: torch.Tensor) -> int:
    return int(frames[0, 2, 0, 0]) // 40


@given(seed=st.integers(0, 2**32), i=st.integers(0, 10**5), samples=st.integers(10**5 + 1, 10**7))
def test_a_sample_is_a_function_of_seed_and_index_alone(windows, seed, i, samples):
    fresh = windows(EVERYTHING, seed=seed)[i]
    used = windows(EVERYTHING, seed=seed, samples=samples)
    used[i // 2], used[i + 1]
    assert all(torch.equal(a, b) for a, b in zip(fresh, used[i], strict=True))


def test_seeds_and_indices_give_different_samples(windows):
    def fingerprints(seed):
        data = windows(EVERYTHING, seed=seed)
        return [data[i][0].numpy().tobytes() for i in range(24)]

    a, b = fingerprints(1), fingerprints(2)
    assert len(set(a)) == len(set(b)) == 24
    assert not set(a) & set(b)


def test_global_random_numbers_do_not_matter(windows):
    data = windows(EVERYTHING)
    np.random.seed(1)
    torch.manual_seed(1)
    first = data[5]
    np.random.seed(2)
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip(first, data[5], strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_that_resumes_gives_the_batches_that_were_to_come(windows, workers):
    data = windows(EVERYTHING, samples=24)

    def batches(start, workers):
        return list(torch.utils.data.DataLoader(
            data, batch_size=3, sampler=range(start, 24), num_workers=workers, collate_fn=Collate((32, 32))
        ))  # fmt: skip

    whole, resumed = batches(0, 0), batches(12, workers)
    assert len(whole) == 8 and len(resumed) == 4
    assert all(torch.equal(a, b) for a, b in zip(whole[4:], resumed, strict=True))


def test_every_epoch_visits_every_clip_once_in_an_order_of_its_own(windows):
    data = windows()
    epochs = [tuple(clip_of(data[6 * e + i][0]) for i in range(6)) for e in range(10)]
    assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
    assert len(set(epochs)) > 5


def test_without_augmentation_a_window_is_the_clip_at_ten_frames_a_second(windows):
    data = windows()
    starts = set()
    for i in range(60):
        frames, colour = data[i]
        k = clip_of(frames)
        count, native = CLIPS[f"clip{k}"]
        assert frames.dtype == torch.uint8 and frames.shape == (4, 3, 24, 32)
        assert torch.equal(frames[0, 1], torch.arange(32).expand(24, 32).byte())
        assert torch.equal(frames[0, 2], (40 * k + torch.arange(24))[:, None].expand(24, 32).byte())
        assert (frames[:, 0] == frames[:, 0, :1, :1]).all() and (colour == 1).all()
        times = frames[:, 0, 0, 0].int()
        steps = [0, 2, 5, 7] if native == 25 else [0, 2, 5, 8]
        assert (times - times[0]).tolist() == steps
        assert times[-1] < count
        starts.add((k, int(times[0])))
    assert len(starts) > 30


def test_a_window_may_start_anywhere_that_leaves_room(windows):
    data = windows(names=["clip0"])  # 20 frames; a window spans 9 of them
    assert {int(data[i][0][0, 0, 0, 0]) for i in range(300)} == set(range(12))


def test_a_curriculum_slows_the_frame_rate_step_by_step(cache):
    options = {"length": 4, "augmentation": PLAIN, "seed": 1, "samples": 300}
    data = Windows(cache, ["clip1"], curriculum={0: (25, 25), 100: (15, 15), 200: (10, 10)}, **options)

    def span(i):
        times = data[i][0][:, 0, 0, 0].int()
        return int(times[-1] - times[0])

    assert [span(i) for i in (0, 99, 100, 199, 200, 299)] == [3, 3, 5, 5, 7, 7]


def test_frame_rates_are_drawn_from_their_range(windows):
    data = windows(dataclasses.replace(PLAIN, fps=(8, 15)), names=["clip1"])
    spans = {int(t[-1] - t[0]) for t in (data[i][0][:, 0, 0, 0].int() for i in range(200))}
    assert spans == {5, 6, 7, 8, 9}  # 3 steps of 25/15 to 25/8 frames


def test_a_crop_is_one_rectangle_for_the_whole_clip_within_its_bounds(windows):
    data = windows(dataclasses.replace(PLAIN, scale=(0.5, 0.9), aspect=1.2))
    shapes, corners = set(), set()
    for i in range(60):
        frames, _ = data[i]
        columns, rows = frames[0, 1, 0].int(), frames[0, 2, :, 0].int()
        assert (columns.diff() == 1).all() and (rows.diff() == 1).all()
        assert (frames[:, 1:] == frames[:1, 1:]).all()
        height, width = frames.shape[2:]
        assert 0.5 / 1.1 <= height / 24 <= 0.9 * 1.12 and 0.5 / 1.12 <= width / 32 <= 0.9 * 1.12
        shapes.add((height, width))
        corners.add((int(rows[0]) % 40, int(columns[0])))
    assert len(shapes) > 20 and len(corners) > 20


def test_flips_mirror_about_half_of_the_clips_as_a_whole(windows):
    data = windows(dataclasses.replace(PLAIN, flip=True))
    mirrored = 0
    for i in range(200):
        columns = data[i][0][:, 1].int()
        ramp = torch.arange(32).expand(4, 24, 32)
        flipped = bool(columns[0, 0, 0] == 31)
        assert torch.equal(columns, ramp.flip(-1) if flipped else ramp)
        mirrored += flipped
    assert 60 < mirrored < 140


@pytest.mark.parametrize(("odds", "low", "high"), [(0.0, 0, 0), (0.25, 20, 85), (1.0, 200, 200)])
def test_clips_run_backwards_at_the_given_odds(windows, odds, low, high):
    data = windows(dataclasses.replace(PLAIN, reverse=odds))
    times = [data[i][0][:, 0, 0, 0].int().diff() for i in range(200)]
    assert all((t > 0).all() or (t < 0).all() for t in times)
    assert low <= sum(bool((t < 0).all()) for t in times) <= high


def test_colour_factors_lie_in_their_range(windows):
    data = windows(dataclasses.replace(PLAIN, colour=0.2))
    factors = torch.stack([data[i][1] for i in range(100)])
    assert factors.shape == (100, 3)
    assert factors.min() >= 0.8 and factors.max() <= 1.2
    assert (factors.amin(0) < 0.9).all() and (factors.amax(0) > 1.1).all()


def test_clips_that_are_too_short_or_not_in_the_cache_are_left_out(windows):
    # 13 frames at 10 Hz span 1.2 s; the clips last from 0.6 to 2.2 s.
    assert [c[0] for c in windows(length=13).clips] == ["clip3", "clip4", "clip5"]
    assert [c[0] for c in windows(names=["clip2", "missing"]).clips] == ["clip2"]
    with pytest.raises(ValueError, match="no clip .* 100 frames"):
        windows(length=100)


def test_colour_changes_brightness_contrast_and_saturation():
    frames = 0.3 + 0.4 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    one = torch.ones(3)
    torch.testing.assert_close(apply_colour(frames, one), frames)
    for place, factor in ((0, 1.2), (1, 0.5), (2, 0.0)):
        colour = one.clone()
        colour[place] = factor
        changed = apply_colour(frames, colour)
        if place == 0:
            torch.testing.assert_close(changed, frames * 1.2)
        elif place == 1:
            torch.testing.assert_close(changed.mean(), frames.mean())
            torch.testing.assert_close(changed.std(), frames.std() / 2)
        else:
            torch.testing.assert_close(changed, frames.mean(1, keepdim=True).expand_as(frames))
    assert apply_colour(frames, torch.tensor([9.0, 9.0, 9.0])).aminmax() == (0, 1)


def test_a_batch_is_resized_coloured_and_in_range():
    dark, plain = torch.tensor([0.5, 1, 1]), torch.ones(3)
    small, large = torch.full((4, 3, 10, 20), 200, dtype=torch.uint8), torch.full((4, 3, 32, 64), 100).byte()
    batch = Collate((32, 64))([(small, dark), (large, plain)])
    assert batch.shape == (2, 4, 3, 32, 64) and batch.dtype == torch.float32
    torch.testing.assert_close(batch[0], torch.full_like(batch[0], 100 / 255))
    torch.testing.assert_close(batch[1], torch.full_like(batch[1], 100 / 255))


def test_fixed_windows_are_spread_over_each_clip_and_never_change(cache):
    found = fixed_windows(cache, ["clip3", "clip0"], length=4, size=(24, 32), per_clip=4)
    assert [(name, start) for name, start, _ in found] == [
        ("clip3", 0), ("clip3", 11), ("clip3", 22), ("clip3", 33),
        ("clip0", 0), ("clip0", 4), ("clip0", 7), ("clip0", 11),
    ]  # fmt: skip
    for name, start, frames in found:
        steps = [0, 2, 5, 7] if name == "clip3" else [0, 2, 5, 8]
        assert frames.dtype == torch.uint8 and frames.shape == (4, 3, 24, 32)
        assert frames[:, 0, 0, 0].tolist() == [start + step for step in steps]


def test_fixed_windows_leave_out_what_is_too_short_and_resize(cache):
    found = fixed_windows(cache, list(CLIPS), length=10, size=(12, 16), per_clip=1)
    assert [name for name, _, _ in found] == ["clip1", "clip2", "clip3", "clip4", "clip5"]
    assert all(frames.shape == (10, 3, 12, 16) and frames.dtype == torch.uint8 for _, _, frames in found)
