"""GIF, WebP, APNG and AVIF, read by Pillow through imageio and timed as browsers time them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import av
import imageio.v3 as iio
import numpy as np
from PIL import Image, ImageCms, ImageFile, features

from vp import limits
from vp.errors import VideoError

from .opening import as_video_errors, check_file, check_pixels, no_frames, picture
from .pictures import Layout, Timed

# A broken picture is shown as far as it goes, as browsers do.
ImageFile.LOAD_TRUNCATED_IMAGES = True
SHORTEST = Fraction(11, 1000)  # s; browsers show for DEFAULT what says it is shorter
DEFAULT = Fraction(1, 10)  # s


def animation_kind(path: str | os.PathLike) -> str | None:
    """gif, webp, apng or avif by the first bytes of a file, whether it moves or not; None for anything else.

    Raises:
        VideoError: no such file, empty or too large.
    """
    with open(check_file(path), "rb") as file:
        head = file.read(64)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "apng"
    brands = head[8 : int.from_bytes(head[:4], "big")] if head[4:8] == b"ftyp" else b""
    return "avif" if b"avif" in brands or b"avis" in brands else None


def animation_frames(path: str | os.PathLike) -> Iterator[Timed]:
    """Decode the pictures of an animation to its end, or to where it is damaged.

    Raises:
        VideoError: a single picture, too large, or nothing that can be decoded.
    """
    path = check_file(path)
    if animation_kind(path) == "avif" and not features.check("avif"):
        raise VideoError(f"'{path.name}' is an AVIF, which needs Pillow 11.3 or later: save it as mp4 or gif.")
    time, first = Fraction(0), None
    with as_video_errors(path), open(path, "rb") as file:
        for image, length in _images(file, path):
            frame = av.VideoFrame.from_ndarray(image, format="rgba")
            first = first or frame
            yield Timed(time, length, frame, Layout(), (first.height, first.width))
            time += length


def _images(file: BinaryIO, path: Path) -> Iterator[tuple[np.ndarray, Fraction]]:
    """(uint8 [H, W, 4] with straight alpha, seconds) of each picture."""
    pending = []  # the first one waits for the second, which makes it an animation
    index, pixels = 0, 0
    try:
        with iio.imopen(file, "r", plugin="pillow") as pictures:
            while True:
                height, width = pictures.properties(index=index).shape[:2]
                check_pixels(width, height)
                pixels += width * height
                if pixels > limits.MAX_ANIMATION_PIXELS:
                    raise VideoError(f"'{path.name}' has too many pictures of its size: save it as mp4, or smaller.")
                image = pictures.read(index=index, mode="RGBA", rotate=True)
                info = pictures.metadata(index=index)
                index += 1
                if index == 1 and info.get("default_image"):  # an APNG's picture for programs that show no other
                    continue
                length = Fraction(info.get("duration") or 0) / 1000
                pending.append((_srgb(image, info.get("icc_profile")), DEFAULT if length < SHORTEST else length))
                if index > 1:
                    yield from pending
                    pending = []
    except (VideoError, MemoryError, GeneratorExit):
        raise
    except EOFError as error:  # there is no picture of this index
        if index == 1:
            raise VideoError(picture(path)) from error
    except Exception as error:  # Pillow raises many kinds of errors on damaged files: what came before still counts
        if index == 0:
            raise no_frames(path) from error
        yield from pending


def _srgb(image: np.ndarray, profile: bytes | None) -> np.ndarray:
    """uint8 [H, W, 4] in the colours of an ICC profile to those of sRGB, as browsers do (Chromium: except in WebP)."""
    change = _to_srgb(profile) if profile else None
    return image if change is None else np.asarray(ImageCms.applyTransform(Image.fromarray(image), change))


@lru_cache(maxsize=4)
def _to_srgb(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """None for a profile that is damaged or not for RGB, which browsers leave out, and where Pillow cannot do it."""
    if not features.check("littlecms2"):
        return None
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), "RGBA", "RGBA")
    except (ImageCms.PyCMSError, OSError):
        return None
