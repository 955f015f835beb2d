"""Small pictures of clips, made once and kept."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from vp import video
from vp.cache_folder import cache_folder
from vp.errors import VideoError
from vp.replacing import replacing

from .place import Place

# Bytes of a clip on the Hub that its thumbnail takes: header and first picture, or if that will not do a short clip.
HEADS = (1 << 16, 1 << 22)
WIDTH = 160
MAX_HEIGHT = 240
VERSION = 1  # raise it when thumbnails should be made anew


def thumbnail(place: Place, id: str) -> Path | None:
    """The kept thumbnail of a clip, made if missing. Raises ClipError if the clip cannot be reached."""
    folder = cache_folder() / "thumbnails"
    path = folder / f"{_digest(f'{VERSION} {place.version(id)}')}.jpg"
    if path.exists():
        return path
    for count in HEADS:
        if (beginning := place.beginning(id, count)) is None:
            image = _picture(place.fetch(id, None), _middle) or _grey()
        else:
            with _written(beginning, Path(id).suffix) as part:
                image = _picture(part, _first)
        if image:
            break
    else:
        return None
    folder.mkdir(exist_ok=True)
    with replacing(path) as part:
        image.save(part, "JPEG", quality=85)
    return path


def _picture(path: Path, choose: Callable[[Path], np.ndarray]) -> Image.Image | None:
    try:
        return Image.fromarray(choose(path))
    except VideoError:
        return None


@contextmanager
def _written(content: bytes, suffix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        path.write_bytes(content)
        yield path


def _size(info: video.VideoInfo) -> tuple[int, int]:
    """Height and width of a thumbnail in pixels."""
    height = min(MAX_HEIGHT, max(1, round(WIDTH * info.height / info.width)))
    return height, WIDTH


def _first(path: Path) -> np.ndarray:
    """The first frame as a small uint8 [H, W, 3]."""
    return video.read(path, frames=1, size=_size(video.probe(path)))[0]


def _middle(path: Path) -> np.ndarray:
    """The frame in the middle of a clip as a small uint8 [H, W, 3]."""
    info = video.probe(path)
    try:
        return video.read(path, start=info.seconds / 2, frames=1, size=_size(info))[0]
    except VideoError:  # its second half is damaged
        return video.read(path, frames=1, size=_size(info))[0]


def _grey() -> Image.Image:
    return Image.new("RGB", (WIDTH, WIDTH * 3 // 4), (128, 128, 128))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
