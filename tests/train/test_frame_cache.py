"""train.cache, as it is run: a program that may be killed and started again."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from train.data import circle_sequences
from train.data import frame_cache as module
from train.data.clip_files import ClipFile
from train.data.frame_cache import SIZE, decode, read_index

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
    cache, output = built
    assert "skipped" in output and "v_YoYo_g10_c01.avi" in output
    assert not list(cache.glob("*g10*")) and not list(cache.glob(".*"))


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
    index.write_text(
        index.read_text(encoding="utf-8") + '["v_YoYo_g', encoding="utf-8"
    )  # a line that was being written
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
    (tmp_path / "index.jsonl").write_text("".join(json.dumps(["a", n, 25.0]) + "\n" for n in (3, 4)), encoding="utf-8")
    assert read_index(tmp_path) == {"a": (4, 25.0)}


RED, GREEN, BLUE = (np.eye(3) * 200).astype(np.uint8)


@pytest.fixture
def paint(write_video):
    """Write a clip of one colour: `paint(path, colour, count=4)` -> the clip."""

    def write(path: Path, colour: np.ndarray, count: int = 4) -> ClipFile:
        write_video(path, np.broadcast_to(colour, (count, 32, 48, 3)))
        return ClipFile(path.stem, "", 0, path)

    return write


def colour_of(cache: Path, clip: ClipFile) -> np.ndarray:
    """The colour, out of the three above, of a clip's frames in the cache."""
    mean = np.load(cache / f"{clip.name}.npy").mean((0, 1, 2))
    return (np.eye(3) * 200).astype(np.uint8)[mean.argmax()]


def build_here(clips: list[ClipFile], cache: Path) -> list[ClipFile]:
    """`train.data.frame_cache.build` with one worker."""
    return module.build(clips, cache, workers=1)


def test_more_clips_are_shared_between_processes(paint, tmp_path):
    colours = (RED, GREEN, BLUE, BLUE, GREEN, RED)
    clips = [paint(tmp_path / "data" / f"v_YoYo_g0{i}_c01.mp4", colour) for i, colour in enumerate(colours)]
    (tmp_path / "data" / clips[2].path.name).write_bytes(b"this is no video")
    module.build(clips, tmp_path / "cache", workers=2)
    assert set(read_index(tmp_path / "cache")) == {clip.name for i, clip in enumerate(clips) if i != 2}
    for i in (0, 1, 3, 4, 5):
        assert (colour_of(tmp_path / "cache", clips[i]) == colours[i]).all()


def test_videos_of_one_name_keep_their_own_frames(paint, tmp_path):
    """Cameras and exports begin anew in each folder: IMG_0001, v_YoYo_g09_c01."""
    cache = tmp_path / "cache"
    for name in ("IMG_0001.mp4", "v_YoYo_g09_c01.mp4"):
        painted = {place: paint(tmp_path / place / name, colour) for place, colour in zip("abc", (RED, GREEN, BLUE))}
        built = {place: build_here([clip], cache)[0] for place, clip in painted.items()}
        assert built["a"].name == Path(name).stem and len({clip.name for clip in built.values()}) == 3
        for place, colour in zip("abc", (RED, GREEN, BLUE)):
            assert (colour_of(cache, built[place]) == colour).all()
            assert build_here([painted[place]], cache) == [built[place]]  # again, and each still its own
            assert (colour_of(cache, built[place]) == colour).all()


def test_a_video_exported_anew_is_decoded_anew(paint, tmp_path):
    """By another program, into the same second, or with the old time put back on another length."""
    cache = tmp_path / "cache"
    clip = paint(tmp_path / "a.mp4", RED)
    assert (colour_of(cache, build_here([clip], cache)[0]) == RED).all()
    before = clip.path.stat()
    paint(clip.path, GREEN)
    os.utime(clip.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    assert [c.name for c in build_here([clip], cache)] == ["a"] and (colour_of(cache, clip) == GREEN).all()
    paint(clip.path, BLUE, count=9)
    os.utime(clip.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    assert [c.name for c in build_here([clip], cache)] == ["a"] and (colour_of(cache, clip) == BLUE).all()
    assert read_index(cache)["a"] == (9, 25.0)


class Shelf(NamedTuple):
    """Of a clip source on the Hub what the cache asks for."""

    spec: str
    folder: Path
    commit: str = "1"

    def path(self, id: str) -> Path:
        return self.folder / id

    def version(self, id: str) -> str:
        return f"{self.commit} {id}"


def test_clips_of_the_hub_and_of_a_folder_keep_their_own_frames(paint, tmp_path):
    cache, colours = tmp_path / "cache", {"one": RED, "two": GREEN, "here": BLUE}
    painted = {place: paint(tmp_path / place / "a.mp4", colour) for place, colour in colours.items()}
    shelves = {place: Shelf(f"hf://datasets/me/{place}", tmp_path / place) for place in ("one", "two")}
    clips = {place: ClipFile("a", "", 0, Path("a.mp4")) for place in shelves} | {"here": painted["here"]}
    for _ in range(2):
        built = {p: module.build([clip], cache, workers=1, hub=shelves.get(p))[0] for p, clip in clips.items()}
        assert len({clip.name for clip in built.values()}) == 3
        for place, clip in built.items():
            assert (colour_of(cache, clip) == colours[place]).all()
    paint(painted["one"].path, GREEN)
    newer = shelves["one"]._replace(commit="2")
    assert module.build([clips["one"]], cache, workers=1, hub=newer) == [built["one"]]
    assert (colour_of(cache, built["one"]) == GREEN).all()


def test_what_cannot_be_decoded_any_more_is_no_longer_held(paint, tmp_path, capsys):
    cache = tmp_path / "cache"
    clips = [paint(tmp_path / name, RED) for name in ("broken.mp4", "gone.mp4")]
    build_here(clips, cache)
    clips[0].path.write_bytes(b"half a download")
    clips[1].path.unlink()
    clips[1].path.symlink_to(tmp_path / "nowhere.mp4")
    build_here(clips, cache)
    output = capsys.readouterr().out
    assert "skipped" in output and "broken.mp4" in output and "gone.mp4: the file is gone, or a link" in output
    assert read_index(cache) == {}


def test_a_copy_is_not_decoded_again_nor_is_a_clip_that_was_moved(paint, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    clip = paint(tmp_path / "a" / "one.mp4", RED)
    build_here([clip], cache)
    copy = ClipFile("one", "", 0, tmp_path / "b" / "one.mp4")
    copy.path.parent.mkdir()
    shutil.copy2(clip.path, copy.path)
    monkeypatch.setattr(module, "_build_one", None)  # to decode would fail
    assert build_here([copy], cache) == [copy]
    shutil.rmtree(clip.path.parent)
    assert build_here([copy], cache) == [copy]


def test_a_cache_that_does_not_say_what_it_was_made_of_is_made_again(paint, tmp_path):
    cache = tmp_path / "cache"
    clip = paint(tmp_path / "one.mp4", RED)
    cache.mkdir()
    np.save(cache / "one.npy", np.broadcast_to(GREEN, (4, *SIZE, 3)))
    (cache / "index.jsonl").write_text('["one", 4, 25.0]\n', encoding="utf-8")
    build_here([clip], cache)
    assert (colour_of(cache, clip) == RED).all()


def test_a_video_called_circle_is_not_the_moving_circle(paint, tmp_path):
    clip = paint(tmp_path / "circle.mp4", RED)
    for first in (True, False):
        cache = tmp_path / f"cache{first}"
        if first:
            circle_sequences.build(cache)
        built = build_here([clip], cache)[0]
        assert (colour_of(cache, built) == RED).all()
        circle_sequences.build(cache)
        assert (
            len(np.load(cache / "circle.npy")) == circle_sequences.FRAMES
            and read_index(cache)["circle"][1] == circle_sequences.FPS
        )
        assert (colour_of(cache, build_here([clip], cache)[0]) == RED).all()


@pytest.mark.parametrize(("count", "rate", "kept", "fps"), [(10, 25, 10, 25), (11, 60, 6, 30), (25, 50, 9, 50 / 3)])
def test_long_clips_are_thinned_over_their_whole_length_with_a_word(
    write_video, tmp_path, monkeypatch, capsys, count, rate, kept, fps
):
    monkeypatch.setattr(module, "MAX_FRAMES", 10)
    grey = np.linspace(0, 250, count).astype(np.uint8)
    path = write_video(tmp_path / "long.mp4", np.broadcast_to(grey[:, None, None, None], (count, 32, 48, 3)), rate)
    build_here([ClipFile("long", "", 0, path)], tmp_path)
    assert read_index(tmp_path) == {"long": (kept, pytest.approx(fps))}
    shades = np.load(tmp_path / "long.npy").mean((1, 2, 3))
    np.testing.assert_allclose(shades, grey[:: round(rate / fps)], atol=6)
    assert ("long.mp4 has more than 10 frames" in capsys.readouterr().out) == (kept < count)


@pytest.mark.parametrize(
    ("data", "message"), [("nowhere", "no folder .*--data"), ("", "no UCF101 clips"), ("file", "no folder")]
)
def test_the_command_says_what_is_wrong_in_one_line(tmp_path, data, message):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "train.cache", "--data", tmp_path / data, "--cache", tmp_path / "cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert re.match(f"error: .*{message}", done.stderr)


@pytest.mark.ucf101
def test_an_original_decodes_whole(originals):
    frames, fps = decode(originals[0])
    assert frames.shape[1:] == (*SIZE, 3) and len(frames) > 20
    assert fps in (25.0, pytest.approx(29.97, abs=0.01))
    assert frames.std() > 10
