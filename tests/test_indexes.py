"""vp.indexes: where indexes are kept, for which weights they are, and how clips of this machine come into them."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from vp import indexes, video
from vp.clips import Clip, ClipSource, open_clips
from vp.errors import CheckpointError
from vp.explorer import Explorer, Window
from vp.indexes import BUNDLED, add_clips, index_clip, index_key, open_index, read_index, write_index
from vp.inspection import exemplars, filter_profile, merge
from vp.inspection.index import index_passage
from vp.models import NAMES
from vp.predictor import Predictor


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tiny(make_ladder) -> Predictor:
    return Predictor("one_frame", make_ladder(design="motion", seen=4))


@pytest.fixture
def index(tiny, moving):
    return index_passage(tiny, moving(6, 32, 64), clip="a.mp4", silence_each=True)


@pytest.fixture
def explorer(tiny, index, tmp_path, monkeypatch) -> Explorer:
    """Bundled weights by name, a tiny network in their place, and its index."""
    made = Explorer()
    made.predictor = lambda name: tiny
    monkeypatch.setattr(indexes, "BUNDLED", tmp_path / "shipped")
    write_index(index, tmp_path / "shipped" / "one_frame.npz", index_key(made.checkpoints, "one_frame"))
    return made


def same(one, other) -> bool:
    a, b = dataclasses.asdict(one), dataclasses.asdict(other)
    return all(np.array_equal(a[k], b[k], equal_nan=a[k].dtype.kind == "f") for k in indexes.ARRAYS) and all(
        a[k] == b[k] for k in ("model", "widths", "passages")
    )


def test_what_is_written_is_read_and_twice_the_same(index, tmp_path):
    for name in ("one", "two"):
        write_index(index, tmp_path / "new" / f"{name}.npz", "key")
    one, two = ((tmp_path / "new" / f"{name}.npz").read_bytes() for name in ("one", "two"))
    assert one == two
    assert same(read_index(tmp_path / "new" / "one.npz", "key"), index)


def test_an_index_of_other_weights_is_refused_with_the_command(explorer, index, tmp_path):
    assert same(explorer.index("one_frame"), index)
    write_index(index, tmp_path / "shipped" / "one_frame.npz", "of other weights")
    with pytest.raises(CheckpointError) as refused:
        open_index(explorer.checkpoints, "one_frame")
    command = "run python -m assets.make_index --networks"
    assert str(refused.value) == f"There is only an index of other weights for one_frame: {command} one_frame"
    with pytest.raises(CheckpointError, match=f"no index for lvln: {command} lvln$"):
        open_index(explorer.checkpoints, "lvln")


def test_other_checkpoints_have_theirs_in_the_cache_folder(explorer, index, cache, tmp_path):
    import shutil

    from vp.checkpoints import BUNDLED as CHECKPOINTS
    from vp.checkpoints import open_checkpoints

    folder = tmp_path / "mine"
    for name in ("one_frame", "encoder"):
        shutil.copytree(CHECKPOINTS / name, folder / name)
    checkpoints = open_checkpoints(str(folder))
    with pytest.raises(CheckpointError, match=re.escape(f"make_index --networks one_frame --checkpoints {folder}")):
        open_index(checkpoints, "one_frame")
    path = indexes.drawn_path(checkpoints, "one_frame")
    assert path.is_relative_to(cache)
    write_index(index, path, index_key(checkpoints, "one_frame"))
    assert same(open_index(checkpoints, "one_frame"), index)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"PK\x03\x04 no archive"])
def test_a_damaged_file_says_what_to_do(index, tmp_path, damage):
    path = tmp_path / "index.npz"
    write_index(index, path, "key")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="delete it and make it again"):
        read_index(path, "key")


def test_a_clip_is_cut_into_passages_as_long_as_a_window_of_the_page(explorer):
    index = merge(list(index_clip(explorer, "one_frame", "walk.mp4", silence_each=True)))
    passages = [(passage.clip, passage.start, passage.steps) for passage in index.passages]
    assert passages == [("walk.mp4", 0.0, 20), ("walk.mp4", 2.0, 10)]
    # What the index says of a moment is there when its window is predicted.
    starts = set()
    for filter in range(5):
        (moment,) = exemplars(index, "C4", "5x5", filter, "dh")
        window = Window("one_frame", start=moment.start, seen=moment.step + 1, horizon=1)
        rollout = explorer.predict(explorer.shelves[0].clips.path("walk.mp4"), window)
        change = rollout.activation("C4", "5x5", "dh")[moment.step, filter, moment.row, moment.column]
        assert change == pytest.approx(moment.value, abs=0.03)
        starts.add(moment.start)
    assert len(starts) == 2


def test_a_clip_is_decoded_once(explorer, monkeypatch):
    opened = []
    decode = video.reading.timed_frames
    monkeypatch.setattr(video.reading, "timed_frames", lambda path, begin: opened.append(path) or decode(path, begin))
    assert len(list(index_clip(explorer, "one_frame", "walk.mp4"))) == 2 and len(opened) == 1


def test_fetched_clips_are_added_to_the_cache_folder_once(explorer, index, cache, tmp_path, write_video, moving):
    real = {f"v_Walk_g01_c0{k}.avi": tmp_path / f"{k}.mp4" for k in range(3)}
    for k, path in enumerate(real.values()):
        write_video(path, moving(20, 48, 64, seed=k))
    (tmp_path / "1.mp4").write_bytes(b"no video")

    class Hub:
        def fetch(self, id, progress=None):
            return real[id]

        def version(self, id):
            return f"dataset {id}"

        def fetched(self, id):
            return id != "v_Walk_g01_c02.avi"

    shelf = explorer.shelves[0].__class__("ucf101", "UCF101", "ucf101:")
    explorer.shelves = (*explorer.shelves, shelf)
    assert explorer.index_fetched("one_frame") == 0, "nobody has opened the shelf"
    shelf._source._source = ClipSource("ucf101", [Clip(id, "Walk", id) for id in real], Hub())
    before = explorer.index("one_frame")
    shares = []
    assert explorer.index_fetched("one_frame", shares.append) == 1 and shares == [0.5, 1.0]
    after = explorer.index("one_frame")
    assert [p.clip for p in after.passages] == ["a.mp4", "ucf101:v_Walk_g01_c00.avi"]
    assert after.peaks.shape[2] == before.peaks.shape[2] + 1
    assert add_clips(explorer, "one_frame") == 0, "it is there, and what cannot be read stays out"
    assert len(list(cache.glob("index/*/*.npz"))) == 1 and len(list((tmp_path / "shipped").iterdir())) == 1


def test_a_folder_has_no_clips_that_were_fetched():
    assert open_clips("bundled").fetched() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_index_is_of_the_bundled_weights_and_clips(name):
    explorer = Explorer()
    path = BUNDLED / f"{name}.npz"
    assert path.stat().st_size < 1_000_000
    index = read_index(path, index_key(explorer.checkpoints, name))
    assert index is not None, "run python -m assets.make_index"
    clips = explorer.shelves[0].clips
    assert list(dict.fromkeys(p.clip for p in index.passages)) == [clip.id for clip in clips.search(limit=len(clips))]
    # One passage again, at random: what is in the file is what the network does. Another processor rounds differently.
    at = [p.clip for p in index.passages].index("walk.mp4")
    fresh = next(index_clip(explorer, name, "walk.mp4"))
    assert fresh.passages[0] == index.passages[at], "run python -m assets.make_index"
    difference = np.abs(fresh.peaks[..., 0].astype(float) - index.peaks[..., at])
    assert difference.mean() < 0.02, "run python -m assets.make_index"
    profile = filter_profile(index, "C1", "5x5", 0)
    assert len(profile.lost) == len(clips) and len(profile.moments["h"]) == 6
