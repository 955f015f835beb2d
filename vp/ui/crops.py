"""Moving pictures of moments of clips, for what answers with moments: one filter, one stretch of time."""

from __future__ import annotations

import numpy as np

from vp import render, video
from vp.errors import RequestError
from vp.explorer import Explorer
from vp.limits import FPS

from .numbers import real, whole
from .payload import data_url

CROP = (96, 144)  # pixels, of half the frame's height and width, or of the whole
BEFORE, AFTER = 4, 2  # frames of a crop around its moment
CROPS = 8  # at once


def crop(explorer: Explorer, id: str, time: float, y: float | None = None, x: float | None = None) -> dict:
    """Frames of a clip around a moment, half as high and wide as the clip around a place, or whole: a film strip.

    time: seconds; y, x: shares of the frame. now: the frame of the moment; y, x: the place in the crop. Raises
    RequestError, ClipError or VideoError.
    """
    shelf, clip = explorer.clip(str(id))
    time = real(time)
    if time < 0:
        raise RequestError(f"A moment lies from 0 seconds on, not at {time:g}.")
    at = whole(round(time * FPS))
    first = max(0, at - BEFORE)
    whole_frame = y is None or x is None
    size = CROP if whole_frame else (2 * CROP[0], 2 * CROP[1])
    window = {"start": first / FPS, "frames": at - first + 1 + AFTER, "size": size}
    frames = video.read(shelf.clips.path(clip.id), fps=FPS, **window)
    place = {"y": None, "x": None}
    if not whole_frame:
        corner = [min(max(real(share) - 0.25, 0.0), 0.5) for share in (y, x)]
        place = {name: 2 * (real(share) - low) for name, share, low in zip("yx", (y, x), corner, strict=True)}
        top, left = (round(low * side) for low, side in zip(corner, size, strict=True))
        frames = frames[:, top : top + CROP[0], left : left + CROP[1]]
    strip = data_url(render.jpeg(np.concatenate(list(frames), axis=1)), "image/jpeg")
    return {"strip": strip, "count": len(frames), "now": min(at - first, len(frames) - 1), "size": list(CROP), **place}
