"""vp.clips.thumbnails. Those of clips on the Hub are tested against a server in tests/hub."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from vp import video
from vp.clips import open_clips


def movie(path, greys=(0, 60, 120, 180), size=(48, 64)):
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.repeat(np.array(greys, np.uint8), size[0] * size[1] * 3).reshape(-1, *size, 3)
    return video.write_mp4(path, frames, fps=10)


def test_a_thumbnail_shows_the_middle_and_is_made_once(tmp_path, cache):
    path = movie(tmp_path / "clips" / "a.mp4", (0, 0, 200, 0))
    source = open_clips(str(tmp_path / "clips"))
    thumbnail = source.thumbnail("a.mp4")
    assert thumbnail.is_relative_to(cache.resolve())
    image = Image.open(thumbnail)
    assert (image.format, image.size) == ("JPEG", (160, 120))
    assert abs(np.asarray(image).mean() - 200) < 5
    before = thumbnail.stat().st_mtime_ns
    assert source.thumbnail("a.mp4") == thumbnail and thumbnail.stat().st_mtime_ns == before
    assert open_clips(str(tmp_path / "clips")).thumbnail("a.mp4") == thumbnail
    movie(path, (90, 90, 90))  # another content, another thumbnail
    assert abs(np.asarray(Image.open(source.thumbnail("a.mp4"))).mean() - 90) < 5


def test_a_tall_clip_gets_a_bounded_thumbnail(tmp_path):
    movie(tmp_path / "clips" / "tall.mp4", size=(640, 16))
    assert Image.open(open_clips(str(tmp_path / "clips")).thumbnail("tall.mp4")).size == (160, 240)


def test_a_broken_clip_gets_a_grey_picture_and_a_missing_one_none(tmp_path):
    root = tmp_path / "clips"
    root.mkdir()
    for name in ("empty.mp4", "gone.mp4"):
        (root / name).touch()
    (root / "text.avi").write_text("not a video", encoding="utf-8")
    source = open_clips(str(root))
    (root / "gone.mp4").unlink()
    for id in ("empty.mp4", "text.avi"):
        assert (np.asarray(Image.open(source.thumbnail(id))) == 128).all()
    assert source.thumbnail("gone.mp4") is None


def test_many_at_once_see_whole_thumbnails(tmp_path, cache):
    movie(tmp_path / "clips" / "a.mp4")
    source = open_clips(str(tmp_path / "clips"))

    def load(_):
        path = source.thumbnail("a.mp4")
        with Image.open(path) as image:
            image.load()
        return path

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(load, range(16)))) == 1
    assert len(list((cache / "thumbnails").iterdir())) == 1
