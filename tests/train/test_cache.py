"""train.cache, as it is run: a program that may be killed and started again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from train.cache import SIZE, decode, read_index

ROOT = Path(__file__).parents[2]


def build(data, cache, *options) -> str:
    command = [sys.executable, "-m", "train.cache", "--data", data, "--cache", cache, "--workers", "1", *options]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=100).stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory, moving, write_video):
    folder = tmp_path_factory.mktemp("data")
    for group, fps in ((1, 25), (8, 30), (9, 25)):
        write_video(folder / "YoYo" / f"v_YoYo_g{group:02d}_c01.mp4", moving(group + 4, 64, 80, seed=group), fps)
    (folder / "YoYo" / "v_YoYo_g10_c01.avi").write_bytes(b"this is no video")
    return folder


@pytest.fixture(scope="module")
def built(data, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return cache, build(data, cache)


def test_the_cache_holds_every_frame_and_the_frame_rate(built, moving):
    cache, _ = built
    assert read_index(cache) == {
        "v_YoYo_g01_c01": (5, 25.0),
        "v_YoYo_g08_c01": (12, 30.0),
        "v_YoYo_g09_c01": (13, 25.0),
    }
    for name, (count, _) in read_index(cache).items():
        frames = np.load(cache / f"{name}.npy", mmap_mode="r")
        assert frames.shape == (count, *SIZE, 3) and frames.dtype == np.uint8
        source = moving(count, 64, 80, seed=int(name[8:10])).astype(float)
        shrunk = frames.reshape(count, 64, 2, 80, 2, 3).mean((2, 4))
        error = np.abs(shrunk - source).mean()
        assert error < 12  # the codec's halved colours; another frame or a mirrored one is far off
        assert np.abs(shrunk - source[::-1]).mean() > 2 * error
        assert np.abs(shrunk[:, :, ::-1] - source).mean() > 2 * error
        assert np.abs(shrunk[..., ::-1] - source).mean() > 2 * error


def test_a_clip_that_cannot_be_decoded_is_told_and_skipped(built):
    cache, told = built
    assert "skipped" in told and "v_YoYo_g10_c01.avi" in told
    assert not list(cache.glob("*g10*")) and not list(cache.glob("*.tmp"))


def test_a_second_build_goes_on_where_the_first_was_killed(data, built, tmp_path):
    cache = tmp_path
    names = sorted(read_index(built[0]))
    for file in built[0].iterdir():
        (cache / file.name).write_bytes(file.read_bytes())
    whole, cut, lost = (cache / f"{name}.npy" for name in names)
    want = [path.read_bytes() for path in (whole, cut, lost)]
    cut.write_bytes(want[1][:-1000])
    lost.unlink()
    index = cache / "index.jsonl"
    index.write_text(index.read_text() + '["v_YoYo_g')  # a line that was being written
    before = whole.stat().st_mtime_ns
    build(data, cache)
    assert [path.read_bytes() for path in (whole, cut, lost)] == want
    assert whole.stat().st_mtime_ns == before
    assert read_index(cache) == read_index(built[0])


def test_one_part_can_be_built_alone(data, tmp_path):
    build(data, tmp_path, "--part", "validation")
    assert set(read_index(tmp_path)) == {"v_YoYo_g08_c01"}


def test_an_index_that_is_not_there_is_empty(tmp_path):
    assert read_index(tmp_path) == {}


def test_later_lines_of_an_index_win(tmp_path):
    (tmp_path / "index.jsonl").write_text("".join(json.dumps(["a", n, 25.0]) + "\n" for n in (3, 4)))
    assert read_index(tmp_path) == {"a": (4, 25.0)}


@pytest.mark.ucf101
def test_an_original_decodes_whole(originals):
    frames, fps = decode(originals[0])
    assert frames.shape[1:] == (*SIZE, 3) and len(frames) > 20
    assert fps in (25.0, pytest.approx(29.97, abs=0.01))
    assert frames.std() > 10
