"""Decode frames in the order and at the times of display, whatever the container knows about them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av

from .opening import check_pixels, open_video
from .pictures import Timed, stream_pixel_aspect

SEEKABLE = ("mov", "matroska")  # not avi (see `_decode`) and not gif, whose frames build on all before them
SEEK_AFTER = 1  # seconds; decoding from the first frame is as quick before that
TOLERANCE = Fraction(1, 1000)  # s; Matroska and webm round timestamps to whole milliseconds
MAX_DAMAGED = 1000  # damaged packets skipped before giving up


def timed_frames(path: str | os.PathLike, start: Fraction) -> Iterator[Timed]:
    """Decode from a frame at or before `start` (seconds) to the end, by a seek where that is exact."""
    if start > SEEK_AFTER:
        with open_video(path) as (container, stream):
            found = _seek(container, stream, start)
            if found is not None:
                yield from found
                return
    with open_video(path) as (container, stream):
        yield from _timed(container, stream)


def _seek(container: av.container.InputContainer, stream: av.VideoStream, start: Fraction) -> Iterator[Timed] | None:
    """Timed frames from the key frame before `start`; None where they cannot be known to be the right ones."""
    if container.format.name.split(",")[0] not in SEEKABLE:
        return None
    first = next(_timed(container, stream), None)
    if first is None or first.frame.pts is None:
        return None
    origin = first.frame.pts * stream.time_base
    try:
        container.seek(int((origin + start) / stream.time_base), stream=stream)
    except av.FFmpegError:
        return None
    frames = _timed(container, stream, origin)
    # Frames before the key frame lean on others that the seek jumped over.
    head = next((timed for timed in frames if timed.frame.key_frame), None)
    if head is None or head.frame.pts is None or head.time > start:
        return None

    def chain() -> Iterator[Timed]:
        yield head
        yield from frames

    return chain()


def _timed(
    container: av.container.InputContainer, stream: av.VideoStream, origin: Fraction | None = None
) -> Iterator[Timed]:
    """Give each frame its time after `origin` (None: the first frame). Time never runs backwards."""
    after = Fraction(0)  # where a frame without a timestamp goes: at the end of the one before
    latest = Fraction(0)
    pixel_aspect = stream_pixel_aspect(stream)
    for frame in _decode(container, stream):
        length = frame_length(frame.duration, stream)
        if frame.pts is None:
            time = after
        else:
            stamp = frame.pts * stream.time_base
            origin = stamp if origin is None else origin
            time = stamp - origin
        latest = max(time, latest)
        after = latest + length
        yield Timed(latest, length, frame, pixel_aspect)


def frame_length(duration: int | None, stream: av.VideoStream) -> Fraction:
    """Seconds that a frame stays: its own duration (in ticks of the stream), or else one at the stream's rate."""
    rate = stream.average_rate or stream.guessed_rate
    length = duration * stream.time_base if duration else Fraction(1) / rate if rate else Fraction(1, 25)
    return max(length, 2 * TOLERANCE)


def _decode(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Decode what can be decoded, in order of display: damaged packets and frames are left out.

    An avi says only in which order its packets come. FFmpeg then guesses `pts`, wrongly where B-frames are packed
    (much XviD, some of UCF101). Its frames still come out in order, so each takes the time slot of the next packet.
    """
    damaged, slots = 0, deque()
    for packet in packets(container, stream):
        if untimed(container) and packet is not None and packet.size:
            slots.append(packet.dts)
        decoded = decode_packet(stream, packet)
        if decoded is None:
            damaged += 1
            decoded = [None]
        if damaged > MAX_DAMAGED:
            return
        for frame in decoded:
            slot = slots.popleft() if slots else None
            if frame is None or frame.is_corrupt:
                continue
            if untimed(container):
                frame.pts = slot
            yield frame


def untimed(container: av.container.InputContainer) -> bool:
    return container.format.name == "avi"


def decode_packet(stream: av.VideoStream, packet: av.Packet | None) -> list[av.VideoFrame] | None:
    """The frames that a packet completes; None if it is damaged."""
    try:
        decoded = stream.decode(packet)
    except (av.FFmpegError, ValueError):
        return None
    for frame in decoded:
        check_pixels(frame.width, frame.height)  # a stream may say another size than its container
    return decoded


def packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet | None]:
    """The packets of a stream, then one that empties the decoder."""
    try:
        yield from container.demux(stream)
    except (av.FFmpegError, OSError, ValueError):  # the file breaks off: what came before still counts
        yield None
