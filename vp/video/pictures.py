"""Decoded frames to upright RGB pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from .colour import UNSPECIFIED, guessed_matrix, is_wide, to_bt709


class Layout(NamedTuple):
    """What a container says about all of its pictures."""

    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)  # pixels to leave out at the left, top, right and bottom
    alpha: bool = True  # False: a fourth channel means nothing


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


def has_alpha(pixels: av.VideoFormat) -> bool:
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
        turn, matrix = orientation(frame), guessed_matrix(frame)
        trc, primaries = frame.color_trc, frame.color_primaries
        wide = is_wide(trc, primaries)
        rgb = "rgb48le" if wide else "rgb24"
        crop = _crop(frame, layout)
        alpha = layout.alpha and has_alpha(frame.format)
        if alpha or any(crop):  # before shrinking, which would mix in what is not to be seen
            full = self._convert(frame, ("rgba64le" if wide else "rgba") if alpha else rgb, src_colorspace=matrix)
            left, top, right, bottom = crop
            full = full[top : full.shape[0] - bottom, left : full.shape[1] - right]
            full = np.ascontiguousarray(_on_white(full) if alpha else full)
            frame, matrix = av.VideoFrame.from_ndarray(full, format=rgb), None
        height, width = size[::-1] if turn.transpose else size
        shrinks = width * height < frame.width * frame.height
        kind = Interpolation.AREA if shrinks else Interpolation.BICUBIC
        image = self._convert(frame, rgb, width=width, height=height, src_colorspace=matrix, interpolation=kind)
        return np.ascontiguousarray(turn.apply(to_bt709(image, trc, primaries) if wide else image))

    def _convert(self, frame: av.VideoFrame, pixels: str, **how: object) -> np.ndarray:
        """[H, W, C] in this format. Only the matrix is undone: PyAV 17 refuses some tags of transfer and primaries."""
        tags = frame.color_trc, frame.color_primaries
        frame.color_trc = frame.color_primaries = UNSPECIFIED
        try:
            return self.reformatter.reformat(frame, format=pixels, **how).to_ndarray()
        finally:
            frame.color_trc, frame.color_primaries = tags


def _crop(frame: av.VideoFrame, layout: Layout) -> tuple[int, int, int, int]:
    left, top, right, bottom = layout.crop
    return layout.crop if left + right < frame.width and top + bottom < frame.height else (0, 0, 0, 0)


def _fit(size: tuple[int, int], first: tuple[int, int], whole: tuple[int, int]) -> tuple[int, int]:
    """The (height, width) in `whole` of a frame of `size`, if the first frame would fill it."""
    shares = [Fraction(part, of) for part, of in zip(size, first, strict=True)]
    return tuple(max(1, round(side * share / max(shares))) for side, share in zip(whole, shares, strict=True))


def _on_white(image: np.ndarray) -> np.ndarray:
    """[H, W, 4] with straight alpha to [H, W, 3], of the same type."""
    colour, alpha, most = image[..., :3], image[..., 3:], np.iinfo(image.dtype).max
    if (alpha == most).all():
        return colour
    return (most - ((most - colour.astype(np.uint32)) * alpha + most // 2) // most).astype(image.dtype)
