"""Make any readable video one that browsers play."""

from __future__ import annotations

import os
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from vp.errors import VideoError

from .decoding import TOLERANCE, timed_frames
from .opening import as_video_errors, check_seconds, codec_name, no_frames, open_video
from .pictures import ToRGB
from .reading import probe
from .writing import Mp4, replacing

PLAYBACK_RATE = 60  # frames per second kept by `to_browser_mp4`


def browser_playable(path: str | os.PathLike) -> bool:
    """Whether every current browser plays this file as it is; False also for what cannot be read.

    AV1 counts as not playable (older Apple devices), and so does a name that does not say what is inside.
    """
    try:
        with open_video(path) as (container, stream):
            pixels = stream.codec_context.format  # None in a file without frames
            plain = pixels is not None and pixels.name in ("yuv420p", "yuvj420p")
            kinds = {".mp4": ("mov", {"h264"}), ".m4v": ("mov", {"h264"}), ".webm": ("matroska", {"vp8", "vp9"})}
            container_name, codecs = kinds.get(Path(path).suffix.lower(), ("", set()))
            return plain and codec_name(stream) in codecs and container.format.name.split(",")[0] == container_name
    except VideoError:
        return False


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
        closing(timed_frames(path, Fraction(0))) as timed,
    ):
        held = None
        for item in timed:
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
