"""Make any readable video one that browsers play."""

from __future__ import annotations

import os
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av

from vp.errors import VideoError
from vp.replacing import replacing

from .colour import HD, UNSPECIFIED
from .decoding import TOLERANCE, packets, timed_frames
from .opening import (
    Source,
    as_video_errors,
    check_seconds,
    codec_name,
    has_alpha_mode,
    moving_streams,
    no_frames,
    open_video,
)
from .pictures import ToRGB
from .reading import probe
from .writing import Mp4

PLAYBACK_RATE = 60  # frames per second kept by `to_browser_mp4`
LATE = 0.1  # s; B-frames alone let a first frame come some hundredths late


def browser_playable(path: str | os.PathLike) -> bool:
    """Whether every current browser plays this file as it is; False also for what cannot be read.

    AV1 counts as not playable (older Apple devices), and so does a name that does not say what is inside, and whatever
    browsers show in ways of their own: several streams, edit lists, cropping, transparency, HDR, a late beginning, VP9
    in HD without colour tags, recordings that go on behind the end that the file names.
    """
    try:
        with open_video(path) as source:
            stream, context = source.stream, source.stream.codec_context
            kinds = {".mp4": ("mov", {"h264"}), ".m4v": ("mov", {"h264"}), ".webm": ("matroska", {"vp8", "vp9"})}
            container_name, codecs = kinds.get(Path(path).suffix.lower(), ("", set()))
            pixels = context.format  # None in a file without frames
            return (
                pixels is not None
                and pixels.name in ("yuv420p", "yuvj420p")
                and codec_name(stream) in codecs
                and source.format == container_name
                and len(moving_streams(source.container)) == 1
                and not has_alpha_mode(stream)
                and not any(source.layout.crop)
                and not source.layout.tags.is_wide
                # Chromium takes it for BT.601, Firefox and this package for BT.709.
                and not (
                    codec_name(stream) == "vp9" and source.layout.tags.matrix == UNSPECIFIED and context.height >= HD
                )
                and (stream.start_time or 0) * stream.time_base < LATE
                and _as_it_says(source)
            )
    except VideoError:
        return False


def _as_it_says(source: Source) -> bool:
    """Whether all pictures are to be shown, and up to the end that the container names, if it does."""
    end = 0
    for packet in packets(source):
        if packet is not None and packet.is_discard:
            return False
        if packet is not None and packet.pts is not None:
            end = max(end, packet.pts)
    length = source.container.duration
    return length is None or end * source.stream.time_base < Fraction(length, av.time_base) + LATE


def to_browser_mp4(path: str | os.PathLike, out: str | os.PathLike, max_side: int = 480) -> Path:
    """Transcode a readable video to a silent mp4 that every browser plays.

    Timestamps are kept (a variable rate too), up to 60 frames per second; the longer side shrinks to `max_side`
    pixels and the shape stays.

    Returns:
        `out`, which is only ever seen complete.

    Raises:
        VideoError: not a readable video, or outside the limits.
    """
    info = probe(path)
    shrink = min(1.0, max_side / max(info.width, info.height))
    height, width = (max(2, round(side * shrink / 2) * 2) for side in (info.height, info.width))
    rgb = ToRGB((height, width))
    with (
        replacing(out) as part,
        as_video_errors(path),
        Mp4(part, width, height, info.fps, crf=23) as mp4,
        closing(timed_frames(path, Fraction(0))) as items,
    ):
        held = None
        for item in items:
            check_seconds(item.time)
            if held is not None and item.time - held.time < Fraction(1, PLAYBACK_RATE) - TOLERANCE:
                continue
            if held is not None:
                mp4.add(rgb(held), held.time, item.time - held.time)
            held = item
        if held is None:
            raise no_frames(path)
        mp4.add(rgb(held), held.time, held.length)
    return Path(out)
