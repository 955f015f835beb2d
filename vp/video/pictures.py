"""Decoded frames to upright RGB pictures."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from .colour import UNSPECIFIED, Tags, to_bt709, yuv_matrix


class Layout(NamedTuple):
    """How to show a decoded frame, as its container says."""

    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)  # pixels to leave out at the left, top, right and bottom
    alpha: bool = True  # False: a fourth channel means nothing
    tags: Tags = Tags()  # of colour; those of the frame, if it has any, come first


class Timed(NamedTuple):
    """A decoded frame with its time after the first frame, and how long it stays, in seconds."""

    time: Fraction
    length: Fraction
    frame: av.VideoFrame
    layout: Layout
    shape: tuple[int, int]  # (height, width) of the clip's first frame on the screen


class Orientation(NamedTuple):
    """How to turn a decoded picture upright: swap its axes, then mirror it."""

    transpose: bool
    mirror_x: bool
    mirror_y: bool

    @property
    def clockwise(self) -> int:
        """The rotation in degrees, apart from any mirroring."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """[H, W, C] as decoded to [H, W, C] as displayed."""
        image = image.transpose(1, 0, 2) if self.transpose else image
        return image[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]


def orientation(frame: av.VideoFrame) -> Orientation:
    """Read the display matrix (phones film sideways), to the nearest quarter turn.

    It maps a decoded (x, y) to the displayed (a x + c y, b x + d y).
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation(False, False, False)
    a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(matrix), np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, mirror_x=a < 0, mirror_y=d < 0)
    return Orientation(True, mirror_x=c < 0, mirror_y=b < 0)


def stream_pixel_aspect(stream: av.VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and Fraction(1, 4) <= aspect <= 4 else Fraction(1)  # a wilder one is a mistake


def displayed_size(frame: av.VideoFrame, layout: Layout) -> tuple[int, int]:
    """(height, width) on the screen: cropped, with square pixels, upright."""
    left, top, right, bottom = _crop(frame, layout)
    height, width = frame.height - top - bottom, max(1, round((frame.width - left - right) * layout.pixel_aspect))
    return (width, height) if orientation(frame).transpose else (height, width)


def frame_tags(frame: av.VideoFrame) -> Tags:
    return Tags(frame.color_primaries, frame.color_trc, frame.colorspace)


@cache
def has_alpha(format: str) -> bool:
    pixels = av.VideoFormat(format)
    return pixels.has_palette or any(component.is_alpha for component in pixels.components)


class ToRGB:
    """Turns decoded frames into upright uint8 [H, W, 3], all of the first one's size of display unless told.

    A frame of another shape than the clip's first one keeps it, between black bars. What is transparent shows white.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size
        self.reformatter = VideoReformatter()
        self.last: tuple[Timed, np.ndarray] | None = None

    def __call__(self, timed: Timed) -> np.ndarray:
        if self.last is not None and self.last[0] is timed:
            return self.last[1]
        self.size = self.size or timed.shape
        inner = _fit(displayed_size(timed.frame, timed.layout), timed.shape, self.size)
        image = self._picture(timed.frame, timed.layout, inner)
        if inner != self.size:
            top, left = ((whole - part) // 2 for whole, part in zip(self.size, inner, strict=True))
            barred = np.zeros((*self.size, 3), np.uint8)
            barred[top : top + inner[0], left : left + inner[1]] = image
            image = barred
        self.last = timed, image
        return image

    def _picture(self, frame: av.VideoFrame, layout: Layout, size: tuple[int, int]) -> np.ndarray:
        """The frame upright at this size, uint8 [H, W, 3]."""
        turn, crop, tags = orientation(frame), _crop(frame, layout), layout.tags
        if not frame.format.is_rgb:
            frame.colorspace = yuv_matrix(tags, frame.height)
        # Here only the matrix is to be undone, and PyAV 17 refuses some of the other tags.
        frame.color_primaries = frame.color_trc = UNSPECIFIED
        rgb = "rgb48le" if tags.is_wide else "rgb24"
        alpha = layout.alpha and has_alpha(frame.format.name)
        if alpha or any(crop):  # before shrinking, which would mix in what is not to be seen
            pixels = rgb if not alpha else "rgba64le" if tags.is_wide else "rgba"
            full = self.reformatter.reformat(frame, format=pixels).to_ndarray()
            left, top, right, bottom = crop
            full = full[top : full.shape[0] - bottom, left : full.shape[1] - right]
            full = np.ascontiguousarray(_on_white(full) if alpha else full)
            frame = av.VideoFrame.from_ndarray(full, format=rgb)
        height, width = size[::-1] if turn.transpose else size
        shrinks = width * height < frame.width * frame.height
        kind = Interpolation.AREA if shrinks else Interpolation.BICUBIC
        image = self.reformatter.reformat(frame, width, height, rgb, interpolation=kind).to_ndarray()
        return np.ascontiguousarray(turn.apply(to_bt709(image, tags) if tags.is_wide else image))


def _crop(frame: av.VideoFrame, layout: Layout) -> tuple[int, int, int, int]:
    left, top, right, bottom = layout.crop
    return layout.crop if left + right < frame.width and top + bottom < frame.height else (0, 0, 0, 0)


def _fit(size: tuple[int, int], first: tuple[int, int], whole: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in `whole` of a frame of `size`, if the first frame would fill it."""
    if size == first:
        return whole
    shares = [Fraction(part, of) for part, of in zip(size, first, strict=True)]
    return tuple(max(1, round(side * share / max(shares))) for side, share in zip(whole, shares, strict=True))


def _on_white(image: np.ndarray) -> np.ndarray:
    """[H, W, 4] with straight alpha to [H, W, 3], of the same type."""
    colour, alpha, most = image[..., :3], image[..., 3:], np.iinfo(image.dtype).max
    if (alpha == most).all():
        return colour
    return (most - ((most - colour.astype(np.uint32)) * alpha + most // 2) // most).astype(image.dtype)
