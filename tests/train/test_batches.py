"""train.data: what batch number i is, that it never changes, and which windows scores are taken on."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from train.data import batches as module
from train.data.batches import GROUP, Augmentation, Batches, recolour
from train.data.windows import fixed_windows

PLAIN = Augmentation()
EVERYTHING = Augmentation(scale=(0.5, 1), aspect=1.3, flip=True, reverse=0.5, colour=0.3, fps=(8, 15), usual=0.3)
CLIPS = {f"clip{k}": (20 + 7 * k, 25.0 if k % 2 else 30000 / 1001) for k in range(6)}
SIZE = (24, 32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Six clips. Pixels say where they are from: red is the frame, green the column, blue the clip and the row."""
    folder = tmp_path_factory.mktemp("cache")
    with (folder / "index.jsonl").open("w") as index:
        for k, (name, (count, fps)) in enumerate(CLIPS.items()):
            frames = np.empty((count, *SIZE, 3), np.uint8)
            frames[..., 0] = np.arange(count)[:, None, None]
            frames[..., 1] = np.arange(32)
            frames[..., 2] = 40 * k + np.arange(24)[:, None]
            np.save(folder / f"{name}.npy", frames)
            index.write(json.dumps([name, count, fps]) + "\n")
    return folder


@pytest.fixture(scope="module")
def make(cache):
    def make(augmentation=PLAIN, *, seed=1, length=4, batch=3, names=tuple(CLIPS)):
        shape = {"length": length, "size": SIZE, "batch": batch}
        return Batches(cache, list(names), **shape, augmentation=augmentation, seed=seed, device=torch.device("cpu"))

    return make


@pytest.fixture
def cuts(make, monkeypatch):
    """Clips as they are cut, before they are resized: `cuts(augmentation, count)` -> [T, 3, h, w] of uint8 each."""
    taken = []

    def keep(frames, size):
        taken.extend((frames * 255).round().byte().unflatten(0, (-1, 4)))
        return torch.nn.functional.interpolate(frames, size=size)

    monkeypatch.setattr(module, "resize", keep)

    def cuts(augmentation, count, **options):
        data = make(augmentation, batch=1, **options)
        for i in range(count):
            data[i]
        return taken[-count:]

    return cuts


def clip_of(frames: torch.Tensor) -> int:
    return int((frames[0, 2, 0, 0] * 255).round()) // 40


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), number=st.integers(0, 10**5))
def test_a_batch_is_a_function_of_seed_and_number_alone(make, seed, number):
    fresh = make(EVERYTHING, seed=seed, batch=6)[number]
    used = make(EVERYTHING, seed=seed, batch=6)
    used[number // 2], used[number + 1]
    np.random.seed(number % 7)
    assert torch.equal(fresh, used[number])
    assert fresh.shape == (6, 4, 3, *SIZE) and fresh.dtype == torch.float32
    assert 0 <= fresh.min() and fresh.max() <= 1


def test_seeds_and_numbers_give_different_batches(make):
    def fingerprints(seed):
        data = make(EVERYTHING, seed=seed)
        return [data[i].numpy().tobytes() for i in range(12)]

    a, b = fingerprints(1), fingerprints(2)
    assert len({*a, *b}) == 24


@pytest.mark.parametrize("batch", [1, 2, GROUP + 2])
def test_every_epoch_visits_every_clip_once_in_an_order_of_its_own(make, batch):
    data = make(batch=batch)
    stream = [clip_of(clip) for i in range(60 // batch) for clip in data[i]]
    epochs = [tuple(stream[6 * e : 6 * e + 6]) for e in range(10)]
    assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
    assert len(set(epochs)) > 5


def test_without_augmentation_a_window_is_the_clip_at_ten_frames_a_second(make):
    data, starts = make(batch=1), set()
    for i in range(60):
        frames = (data[i][0] * 255).round().byte()
        k = int(frames[0, 2, 0, 0]) // 40
        count, native = CLIPS[f"clip{k}"]
        assert torch.equal(frames[0, 1], torch.arange(32).expand(24, 32).byte())
        assert torch.equal(frames[0, 2], (40 * k + torch.arange(24))[:, None].expand(24, 32).byte())
        times = frames[:, 0, 0, 0].int()
        assert (times - times[0]).tolist() == ([0, 2, 5, 7] if native == 25 else [0, 2, 5, 8])
        assert times[-1] < count
        starts.add((k, int(times[0])))
    assert len(starts) > 30


def test_a_window_may_start_anywhere_that_leaves_room(make):
    data = make(names=["clip0"], batch=1)  # 20 frames; a window spans 9 of them
    assert {round(data[i][0, 0, 0, 0, 0].item() * 255) for i in range(300)} == set(range(12))


@pytest.mark.parametrize(("usual", "spans"), [(0.0, {5, 6, 7, 8, 9}), (1.0, {7})])
def test_frame_rates_are_drawn_from_their_range_or_are_the_usual_one(cuts, usual, spans):
    clips = cuts(dataclasses.replace(PLAIN, fps=(8, 15), usual=usual), 200, names=["clip1"])
    assert {int(c[-1, 0, 0, 0]) - int(c[0, 0, 0, 0]) for c in clips} == spans  # 3 steps of 25/15 to 25/8 frames


def test_a_cut_is_one_rectangle_for_the_whole_clip_within_its_bounds(cuts):
    shapes, corners = set(), set()
    for clip in cuts(dataclasses.replace(PLAIN, scale=(0.5, 0.9), aspect=1.2), 60):
        columns, rows = clip[0, 1, 0].int(), clip[0, 2, :, 0].int()
        assert (columns.diff() == 1).all() and (rows.diff() == 1).all()
        assert (clip[:, 1:] == clip[:1, 1:]).all()
        height, width = clip.shape[2:]
        assert 0.5 / 1.12 <= height / 24 <= 0.9 * 1.12 and 0.5 / 1.12 <= width / 32 <= 0.9 * 1.12
        assert width / 32 / (height / 24) <= 1.2 * 1.1  # whole pixels
        shapes.add((height, width))
        corners.add((int(rows[0]) % 40, int(columns[0])))
    assert len(shapes) > 20 and len(corners) > 20


def test_flips_mirror_about_half_of_the_clips_as_a_whole(cuts):
    ramp, mirrored = torch.arange(32).expand(4, 24, 32), 0
    for clip in cuts(dataclasses.replace(PLAIN, flip=True), 200):
        flipped = bool(clip[0, 1, 0, 0] == 31)
        assert torch.equal(clip[:, 1].int(), (ramp.flip(-1) if flipped else ramp).int())
        mirrored += flipped
    assert 60 < mirrored < 140


@pytest.mark.parametrize(("odds", "low", "high"), [(0.0, 0, 0), (0.25, 20, 85), (1.0, 200, 200)])
def test_clips_run_backwards_at_the_given_odds(cuts, odds, low, high):
    times = [clip[:, 0, 0, 0].int().diff() for clip in cuts(dataclasses.replace(PLAIN, reverse=odds), 200)]
    assert all((t > 0).all() or (t < 0).all() for t in times)
    assert low <= sum(bool((t < 0).all()) for t in times) <= high


def test_colour_changes_a_clip_as_a_whole_within_its_range(make):
    plain, coloured = make(batch=1), make(dataclasses.replace(PLAIN, colour=0.2), batch=1)
    ratios = []
    for i in range(40):
        before, after = plain[i], coloured[i]
        ratios.append((after.mean() / before.mean()).item())
    assert 0.75 < min(ratios) < 0.9 and 1.1 < max(ratios) < 1.25


def test_each_factor_does_what_it_says():
    clip = 0.3 + 0.4 * torch.rand(1, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def changed(brightness=1.0, contrast=1.0, saturation=1.0):
        return recolour(clip, torch.tensor([[brightness], [contrast], [saturation]]))

    torch.testing.assert_close(changed(), clip)
    torch.testing.assert_close(changed(brightness=1.2), 1.2 * clip)
    assert changed(contrast=0.8).mean().item() == pytest.approx(clip.mean().item(), abs=1e-5)
    assert changed(contrast=0.8).std().item() == pytest.approx(0.8 * clip.std().item(), rel=1e-4)
    torch.testing.assert_close(changed(saturation=0.8).mean(2), clip.mean(2))
    torch.testing.assert_close(changed(saturation=0.8).std(2), 0.8 * clip.std(2))
    assert changed(brightness=3).max() == 1


def test_clips_that_are_too_short_or_not_in_the_cache_are_left_out(make):
    # 13 frames at 10 Hz span 1.2 s; the clips last from 0.6 to 2.2 s.
    assert make(length=13).clips == [CLIPS[f"clip{k}"] for k in (3, 4, 5)]
    assert make(names=["clip2", "missing"]).clips == [CLIPS["clip2"]]
    # The slowest rate decides: 4 frames at 4 Hz span 0.75 s.
    assert len(make(dataclasses.replace(PLAIN, fps=(4, 15))).clips) == 5
    with pytest.raises(ValueError, match="long enough for 60 frames"):
        make(length=60)


def test_fixed_windows_are_evenly_spaced_and_always_the_same(cache):
    windows = fixed_windows(cache, ["clip1", "clip3"], length=4, size=SIZE, per_clip=3)
    assert [(name, start) for name, start, _ in windows] == [
        *(("clip1", start) for start in (0, 10, 19)),
        *(("clip3", start) for start in (0, 16, 33)),
    ]
    for _, start, frames in windows:
        assert frames.shape == (4, 3, *SIZE) and frames.dtype == torch.uint8
        assert frames[:, 0, 0, 0].tolist() == [start + step for step in (0, 2, 5, 7)]
    assert fixed_windows(cache, ["clip0"], length=40, size=SIZE) == []
