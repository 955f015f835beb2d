"""Measure a video, and read frames of it at a chosen rate and size."""

from __future__ import annotations

import math
import os
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vp import limits
from vp.errors import VideoError

from .decoding import TOLERANCE, decode_packet, frame_length, packets, timed_frames, untimed
from .opening import as_video_errors, check_seconds, codec_name, no_frames, open_video
from .pictures import Timed, ToRGB, displayed_size, orientation, stream_pixel_aspect


@dataclass(frozen=True)
class VideoInfo:
    """What a file holds. Width and height are in pixels as displayed: rotated, and with square pixels."""

    width: int
    height: int
    fps: float  # mean frame rate
    seconds: float
    codec: str
    rotation: int  # clockwise degrees that the file asks for, already applied by `read`: 0, 90, 180 or 270
    frames: int | None  # counted without decoding


def probe(path: str | os.PathLike) -> VideoInfo:
    """Measure a video: decode its first frame and walk over the rest without decoding.

    Timestamps are counted instead of believing the header, which is empty in a webcam recording and wrong in
    a file that was cut off.

    Raises:
        VideoError: not a readable video, or outside the limits.
    """
    with open_video(path) as (container, stream):
        first, count, begin, last, end = None, 0, math.inf, -math.inf, -math.inf
        for packet in packets(container, stream):
            if first is None:
                first = next((f for f in decode_packet(stream, packet) or () if not f.is_corrupt), None)
            stamp = None if packet is None else packet.dts if untimed(container) else packet.pts
            if stamp is None or not packet.size:
                continue
            time = stamp * stream.time_base
            count, begin, last = count + 1, min(begin, time), max(last, time)
            end = max(end, time + frame_length(packet.duration, stream))
            check_seconds(end - begin)
        if first is None:
            raise no_frames(path)
        turn = orientation(first)
        height, width = displayed_size(first, stream_pixel_aspect(stream), turn)
        measured = count > 1 and last > begin
        return VideoInfo(
            width=width,
            height=height,
            fps=float((count - 1) / (last - begin) if measured else 1 / frame_length(None, stream)),
            seconds=float(end - begin) if count else float(frame_length(None, stream)),
            codec=codec_name(stream),
            rotation=turn.clockwise,
            frames=count or None,
        )


def read(
    path: str | os.PathLike,
    fps: float = 10,
    start: float = 0.0,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read frames at the times start + k / fps, each the newest one whose timestamp has been reached.

    Times count from the first frame. A frame slower than `fps` comes again, but nothing is made up after the
    end of the clip: then fewer frames come back than were asked for, and always at least one.

    Args:
        fps: frames per second wanted, above 0.
        start: seconds after the first frame, 0 or more.
        frames: how many; None for all up to the end, `limits.MAX_FRAMES` at most in both cases.
        size: (height, width) in pixels. Each frame is resized as soon as it is decoded, by area averaging when
            it shrinks (no aliasing) and bicubic when it grows. None keeps the size of display.

    Returns:
        uint8 [T, H, W, 3], RGB in 0..255, upright.

    Raises:
        VideoError: not a readable video, outside the limits, or `start` lies past its end.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise VideoError(f"The frame rate must be above 0, not {fps}.")
    if not (math.isfinite(start) and 0 <= start <= limits.MAX_SECONDS):
        raise VideoError(f"The start must lie between 0 and {limits.MAX_SECONDS} s, not at {start} s.")
    if (frames is not None and frames < 1) or (size is not None and min(size) < 1):
        raise VideoError("Ask for at least one frame and one pixel.")
    rate, begin = Fraction(float(fps)), Fraction(float(start))
    wanted = min(frames or limits.MAX_FRAMES, limits.MAX_FRAMES)
    rgb = ToRGB(size)
    images: list[np.ndarray] = []

    def show(shown: Timed, until: Fraction) -> None:
        while len(images) < wanted and begin + len(images) / rate < until - TOLERANCE:
            images.append(rgb(shown))
            if len(images) * images[-1].nbytes > limits.MAX_READ_BYTES:
                raise VideoError("These frames do not fit in memory: choose a smaller size or a shorter piece.")

    held = None
    with as_video_errors(path), closing(timed_frames(path, begin)) as timed:
        for item in timed:
            if held is not None:
                show(held, until=item.time)
            if len(images) == wanted:
                break
            held = item
        else:
            if held is None:
                raise no_frames(path)
            show(held, until=held.time + held.length)
    if not images:
        end = float(held.time + held.length)
        raise VideoError(f"The clip is {end:.1f} s long: choose a start before {start:g} s.")
    return np.stack(images)
