"""Decode frames in the order and at the times of display, whatever the container knows about them.

There is one account of time, `packets`, which `vp.video.probe` and `vp.video.read` share: what a file's packets say,
without what an edit list cuts away, and with joined recordings one after another.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av

from .animations import animation_frames, animation_kind
from .opening import UNTAGGED, Source, check_pixels, codec_name, open_video
from .pictures import Timed, displayed_size, frame_tags

SEEKABLE = ("mov", "matroska")  # not avi (see `_decode`)
SEEK_AFTER = 1  # seconds; decoding from the first frame is as quick before that
TOLERANCE = Fraction(1, 1000)  # s; Matroska and webm round timestamps to whole milliseconds
MAX_DAMAGED = 1000  # damaged packets skipped before giving up
BROADCAST = ("mpegts", "mpeg")  # pieces of them can be joined byte by byte, each with a clock of its own
SEQUENCE, PICTURE, VOP = b"\0\0\1\xb3", b"\0\0\1\0", b"\0\0\1\xb6"  # start codes of MPEG-1 and -2, and of MPEG-4
JUMP_BACK, JUMP_AHEAD = Fraction(1, 10), 10  # s between packets that make FFmpeg's players set the clock anew


def timed_frames(path: str | os.PathLike, start: Fraction) -> Iterator[Timed]:
    """Decode from a frame at or before `start` (seconds) to the end, by a seek where that is exact."""
    if animation_kind(path):
        yield from animation_frames(path)
        return
    if start > SEEK_AFTER:
        with open_video(path) as source:
            frames = _seek(source, start)
            if frames is not None:
                yield from frames
                return
    with open_video(path) as source:
        yield from timed(source, packets(source))


def _seek(source: Source, start: Fraction) -> Iterator[Timed] | None:
    """Timed frames from the key frame before `start`; None where they cannot be known to be the right ones."""
    if source.format not in SEEKABLE:
        return None
    first = next(timed(source, packets(source)), None)
    if first is None or first.frame.pts is None:
        return None
    origin = first.frame.pts * source.stream.time_base
    try:
        source.container.seek(int((origin + start) / source.stream.time_base), stream=source.stream)
        source.decoder.flush_buffers()
    except av.FFmpegError:
        return None
    frames = timed(source, packets(source), origin, first.shape)
    # Frames before the key frame lean on others that the seek jumped over.
    head = next((item for item in frames if item.frame.key_frame), None)
    if head is None or head.frame.pts is None or head.time > start:
        return None

    def chain() -> Iterator[Timed]:
        yield head
        yield from frames

    return chain()


def timed(
    source: Source,
    walk: Iterator[av.Packet | None],
    origin: Fraction | None = None,
    shape: tuple[int, int] | None = None,
) -> Iterator[Timed]:
    """Give each frame of these packets its time after `origin` (None: the first frame). Time never runs backwards.

    shape: (height, width) of the clip's first frame on the screen; None: of the first one here.
    """
    after = Fraction(0)  # where a frame without a timestamp goes: at the end of the one before
    latest = Fraction(0)
    untagged = codec_name(source.stream) in UNTAGGED
    for frame in _decode(source, walk):
        shape = shape or displayed_size(frame, source.layout)
        length = frame_length(source, frame.pts, frame.duration)
        if frame.pts is None:
            time = after
        else:
            stamp = frame.pts * source.stream.time_base
            origin = stamp if origin is None else origin
            time = stamp - origin
        latest = max(time, latest)
        after = latest + length
        tags = source.layout.tags if untagged else frame_tags(frame).or_else(source.layout.tags)
        yield Timed(latest, length, frame, source.layout._replace(tags=tags), shape)


def frame_length(source: Source, pts: int | None, duration: int | None) -> Fraction:
    """Seconds that a frame stays if none follows: its own duration (in ticks), or else one at the stream's rate.

    In mp4 a duration is the way to the next frame in the order of decoding, which B-frames and a pause make too long:
    no frame stays longer than the track.
    """
    stream = source.stream
    if duration and pts is not None and stream.duration and source.format == "mov":
        left = (stream.start_time or 0) + stream.duration - pts
        duration = min(duration, left) if left > 0 else duration
    rate = stream.average_rate or stream.guessed_rate
    length = duration * stream.time_base if duration else Fraction(1) / rate if rate else Fraction(1, 25)
    return max(length, 2 * TOLERANCE)


def _decode(source: Source, walk: Iterator[av.Packet | None]) -> Iterator[av.VideoFrame]:
    """Decode what can be decoded, in order of display: damaged packets and frames are left out.

    An avi says only in which order its packets come. FFmpeg then guesses `pts`, wrongly where B-frames are packed
    (much XviD, some of UCF101). Its frames still come out in order, so each takes the time slot of the next packet.
    """
    damaged, slots, size = 0, deque(), b""
    for packet in walk:
        if untimed(source) and packet is not None and packet.size:
            slots.append(packet.dts)
        decoded = []
        try:
            if (now := _mpeg_size(source, packet)) and now != size:
                if size:
                    decoded = source.decoder.decode(None)
                    source.decoder.flush_buffers()
                size = now
            decoded += source.decoder.decode(packet)
        except (av.FFmpegError, ValueError):
            damaged += 1
            decoded.append(None)
        if damaged > MAX_DAMAGED:
            return
        for frame in decoded:
            slot = slots.popleft() if slots else None
            if frame is None or frame.is_corrupt:
                continue
            check_pixels(frame.width, frame.height)  # a stream may say another size than its container
            if untimed(source):
                frame.pts = slot
            yield frame


def _mpeg_size(source: Source, packet: av.Packet | None) -> bytes:
    """The coded size in the sequence header of an MPEG-1 or -2 packet, b"" for another packet or codec. Where it
    changes, FFmpeg's decoder drops the picture that it holds back."""
    if packet is None or not packet.is_keyframe or codec_name(source.stream) not in ("mpeg1video", "mpeg2video"):
        return b""
    return bytes(packet).partition(SEQUENCE)[2][:3]


def untimed(source: Source) -> bool:
    return source.format == "avi"


def packets(source: Source) -> Iterator[av.Packet | None]:
    """The packets of the shown stream on one clock that never jumps, then one that empties the decoder."""
    if source.format == "mov":  # one index, one clock; and its edit lists may turn `dts` back
        yield from _from_key(source, _demux(source))
        return
    tick, joinable = source.stream.time_base, source.format in BROADCAST
    # last: its dts; due: the dts expected next; end: of what is shown so far; delay: from dts to pts
    shift, last, due, end, delay = 0, None, None, 0, 0
    for packet in _from_key(source, _demux(source)):
        if packet is not None and packet.dts is not None:
            length = packet.duration or round(frame_length(source, None, None) / tick)
            if source.format == "matroska" and packet.pts is not None and packet.pts < packet.dts:
                packet.dts = packet.pts  # FFmpeg guessed it from the clock of the recording before
            ahead = 0 if last is None else (packet.dts + shift - last) * tick
            if ahead < -JUMP_BACK or (joinable and ahead > JUMP_AHEAD):
                shift = due - packet.dts
                if packet.pts is not None and not joinable:  # in a Matroska the first dts of a recording is its pts
                    shift = max(shift, end - packet.pts)
            if packet.pts is not None:
                wait = packet.pts - packet.dts
                if joinable and not 0 <= wait * tick <= JUMP_AHEAD:
                    wait = delay  # FFmpeg guessed a recording's last pts from the clock of the next recording
                delay = max(delay, wait)
                packet.pts = packet.dts + shift + wait
                end = max(end, packet.pts + length)
            packet.dts = last = packet.dts + shift
            due = last + length
        yield packet


def _from_key(source: Source, walk: Iterator[av.Packet | None]) -> Iterator[av.Packet | None]:
    """Without what comes before the first key frame: some decoders make pictures of it up. All if there is none."""
    waiting = []
    for packet in walk:
        if packet is not None and packet.is_keyframe:
            if untimed(source):
                yield from _without_leading(packet, walk, codec_name(source.stream))
                return
            yield packet
            yield from walk
            return
        waiting.append(packet)
    yield from waiting


def _without_leading(key: av.Packet, walk: Iterator[av.Packet | None], codec: str) -> Iterator[av.Packet | None]:
    """Without the B-frames right behind the first key frame, which lean on one before it and come out of no decoder of
    MPEG-4 and MPEG-2. Where packets have times, these tell."""
    after = None
    for after in walk:
        if not _is_b_frame(after, codec):
            break
        key.dts = after.dts  # nothing is shown for them, so it takes their place
    yield key
    yield after
    yield from walk


def _is_b_frame(packet: av.Packet | None, codec: str) -> bool:
    if packet is None:
        return False
    if codec == "mpeg4":
        head = bytes(packet).partition(VOP)[2]
        return len(head) > 0 and head[0] >> 6 == 2
    head = bytes(packet).partition(PICTURE)[2] if codec == "mpeg2video" else b""
    return len(head) > 1 and head[1] >> 3 & 7 == 3


def _demux(source: Source) -> Iterator[av.Packet | None]:
    """The packets of the shown stream as they lie in the file, then one that empties the decoder."""
    for _ in range(MAX_DAMAGED):
        try:
            yield from source.container.demux(source.stream)
            return
        except IndexError:  # PyAV's word for a packet of a stream that began midway: another one, so go on
            continue
        except (av.FFmpegError, OSError, ValueError):  # the file breaks off: what came before still counts
            break
    yield None
