"""Decoded frames to upright RGB pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter


class Timed(NamedTuple):
    """A decoded frame with its time after the first frame, and how long it stays, in seconds."""

    time: Fraction
    length: Fraction
    frame: av.VideoFrame
    pixel_aspect: Fraction  # width of a pixel over its height


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


def displayed_size(frame: av.VideoFrame, pixel_aspect: Fraction, turn: Orientation) -> tuple[int, int]:
    """(height, width) on the screen."""
    height, width = frame.height, max(1, round(frame.width * pixel_aspect))
    return (width, height) if turn.transpose else (height, width)


class ToRGB:
    """Turns decoded frames into upright uint8 [H, W, 3], all of the first one's size of display unless told."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size
        self.turn: Orientation | None = None
        self.reformatter = VideoReformatter()
        self.last: tuple[Timed, np.ndarray] | None = None

    def __call__(self, timed: Timed) -> np.ndarray:
        if self.last is not None and self.last[0] is timed:
            return self.last[1]
        frame = timed.frame
        self.turn = self.turn or orientation(frame)
        self.size = self.size or displayed_size(frame, timed.pixel_aspect, self.turn)
        height, width = self.size[::-1] if self.turn.transpose else self.size
        shrinks = width * height < frame.width * frame.height
        kind = Interpolation.AREA if shrinks else Interpolation.BICUBIC
        image = self.reformatter.reformat(frame, width, height, "rgb24", interpolation=kind).to_ndarray()
        image = np.ascontiguousarray(self.turn.apply(image))
        self.last = timed, image
        return image
