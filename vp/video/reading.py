"""Measure a video, and read frames of it at a chosen rate and size."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import numpy as np

from vp import limits
from vp.errors import VideoError

from .animations import animation_frames, animation_kind
from .decoding import TOLERANCE, frame_length, packets, timed, timed_frames, untimed
from .opening import as_video_errors, check_seconds, codec_name, no_frames, open_video
from .pictures import ToRGB, orientation


@dataclass(frozen=True)
class VideoInfo:
    """What a file holds. Width and height are in pixels as displayed: rotated, and with square pixels."""

    width: int
    height: int
    fps: float  # mean frame rate
    seconds: float
    codec: str
    rotation: int  # clockwise degrees that the file asks for, already applied by `read`: 0, 90, 180 or 270
    frames: int | None  # as many as the file says it shows; one or two that are damaged may be among them


def probe(path: str | os.PathLike) -> VideoInfo:
    """Measure a video: decode its first frame and walk over the rest without decoding (all of a gif or another
    animation, which tells its times no other way).

    Timestamps are counted instead of believing the header, which is empty in a webcam recording and wrong in
    a file that was cut off.

    Raises:
        VideoError: not a readable video, or outside the limits.
    """
    kind = animation_kind(path)
    if kind:
        return _probe_animation(path, kind)
    with open_video(path) as source:
        tick = source.stream.time_base
        lengths: dict[int, int | None] = {}  # of each frame by its timestamp, both in ticks

        def walk() -> Iterator[av.Packet | None]:
            for packet in packets(source):
                stamp = None if packet is None else packet.dts if untimed(source) else packet.pts
                if stamp is not None and packet.size and not packet.is_discard:
                    lengths[stamp] = packet.duration
                yield packet

        walked = walk()
        first = next(timed(source, walked), None)
        if first is None:
            raise no_frames(path)
        begin = min(lengths, default=0) if first.frame.pts is None else first.frame.pts
        for _ in walked:
            check_seconds((next(reversed(lengths), begin) - begin) * tick)
        shown = [stamp for stamp in lengths if stamp >= begin]  # a stream may begin with what cannot be decoded
        last = max(shown, default=begin)
        height, width = first.shape
        span = (last - begin) * tick
        seconds = span + frame_length(source, last, lengths.get(last))
        check_seconds(seconds)
        return VideoInfo(
            width=width,
            height=height,
            fps=float((len(shown) - 1) / span if span else 1 / frame_length(source, None, None)),
            seconds=float(seconds),
            codec=codec_name(source.stream),
            rotation=orientation(first.frame).clockwise,
            frames=len(shown) or None,
        )


def _probe_animation(path: str | os.PathLike, kind: str) -> VideoInfo:
    count, item, first = 0, None, None
    for item in animation_frames(path):
        check_seconds(item.time + item.length)
        first = first or item
        count += 1
    if first is None:
        raise no_frames(path)
    height, width = first.shape
    return VideoInfo(
        width=width,
        height=height,
        fps=float((count - 1) / item.time if count > 1 else 1 / item.length),
        seconds=float(item.time + item.length),
        codec=kind,
        rotation=0,
        frames=count,
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
    if frames is not None and frames < 1:
        raise VideoError("Ask for at least one frame.")
    images: list[np.ndarray] = []
    with closing(stream(path, fps, start, size)) as items:
        for image in islice(items, min(frames or limits.MAX_FRAMES, limits.MAX_FRAMES)):
            images.append(image)
            if len(images) * image.nbytes > limits.MAX_READ_BYTES:
                raise VideoError("These frames do not fit in RAM: choose a smaller size or a shorter piece.")
    return np.stack(images)


def stream(
    path: str | os.PathLike, fps: float = 10, start: float = 0.0, size: tuple[int, int] | None = None
) -> Generator[np.ndarray, None, None]:
    """The frames of `read` one after another, uint8 [H, W, 3], without holding them. Arguments and errors as there."""
    if not (math.isfinite(fps) and fps > 0):
        raise VideoError(f"The frame rate must be above 0, not {fps}.")
    if not (math.isfinite(start) and 0 <= start <= limits.MAX_SECONDS):
        raise VideoError(f"The start must lie between 0 and {limits.MAX_SECONDS} s, not at {start} s.")
    if size is not None and min(size) < 1:
        raise VideoError("Ask for at least one pixel.")
    rate, begin = Fraction(float(fps)), Fraction(float(start))
    rgb, held, count = ToRGB(size), None, 0

    def show(until: Fraction) -> Iterator[np.ndarray]:
        nonlocal count
        while begin + count / rate < until - TOLERANCE:
            count += 1
            yield rgb(held)

    with as_video_errors(path), closing(timed_frames(path, begin)) as items:
        for item in items:
            if held is not None:
                yield from show(until=item.time)
            held = item
        if held is None:
            raise no_frames(path)
        end = held.time + held.length
        yield from show(until=end)
    if not count:
        raise VideoError(f"The clip is {float(end):.1f} s long: choose a start before {start:g} s.")
