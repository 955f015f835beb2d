"""Write mp4 and gif."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from PIL import Image

from vp.errors import VideoError
from vp.replacing import replacing

from .opening import as_video_errors, without_log

MP4_CLOCK = 90_000  # ticks per second: exact for 24, 25, 30 and 29.97 frames per second
BT709 = 1  # code of the BT.709 matrix, primaries and transfer curve in the H.264 standard
STUDIO_RANGE = 1


def write_mp4(path: str | os.PathLike, frames: np.ndarray, fps: float) -> Path:
    """Write frames as an mp4 that every browser plays (H.264, 4:2:0, header first).

    Args:
        frames: uint8 [T, H, W, 3], RGB. An odd side is padded to even by repeating its last row or column.
        fps: frames per second.

    Returns:
        `path`, which is only ever seen complete.

    Raises:
        VideoError: no frames, or H.264 cannot be written here.
    """
    frames = _checked(frames)
    height, width = (side + side % 2 for side in frames.shape[1:3])
    rate = Fraction(float(fps))
    with replacing(path) as part, as_video_errors(path), Mp4(part, width, height, fps, crf=18) as mp4:
        for index, image in enumerate(frames):
            image = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)), mode="edge")
            mp4.add(image, index / rate, 1 / rate)
    return Path(path)


def write_gif(path: str | os.PathLike, frames: np.ndarray, fps: float) -> Path:
    """Write uint8 [T, H, W, 3] RGB frames as a gif that loops for ever, with a palette for each frame.

    A gif counts time in 1/100 s: each frame begins at the last tick before its time, so that rounding never adds up.

    Raises:
        VideoError: no frames.
    """
    frames = _checked(frames)
    ticks = [math.floor(index * 100 / fps) for index in range(len(frames) + 1)]
    durations = [10 * max(after - before, 2) for before, after in pairwise(ticks)]  # browsers slow down under 2
    images = [Image.fromarray(image).quantize(256) for image in frames]
    with replacing(path) as part:
        images[0].save(part, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return Path(path)


def _checked(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise VideoError(f"Frames must be uint8 [T, H, W, 3], one at least, not {frames.dtype} {list(frames.shape)}.")
    return frames


class Mp4:
    """An H.264 file being written, at any times and with even sides. A context manager."""

    def __init__(self, path: Path, width: int, height: int, fps: float, *, crf: int) -> None:
        try:
            av.Codec("libx264", "w")
        except ValueError as error:  # av.codec.codec.UnknownCodecError
            raise VideoError("This build of PyAV cannot write H.264: reinstall it with 'pip install av'.") from error
        without_log()
        self.container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        self.stream = self.container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "fast"})
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, "yuv420p"
        context = self.stream.codec_context
        context.time_base = Fraction(1, MP4_CLOCK)
        context.flags |= av.codec.context.Flags.frame_duration  # or the last frame would get a mean length
        context.gop_size = 12  # frequent key frames: stepping and looping stay quick
        # Without these tags a player guesses the colours by the size of the picture.
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = STUDIO_RANGE
        self.reformatter = VideoReformatter()

    def __enter__(self) -> Mp4:
        return self

    def add(self, image: np.ndarray, time: Fraction, length: Fraction) -> None:
        """Encode uint8 [H, W, 3] shown from `time` for `length`, both in seconds."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame = self.reformatter.reformat(frame, format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.time_base = Fraction(1, MP4_CLOCK)
        frame.pts = round(time * MP4_CLOCK)
        frame.duration = round(length * MP4_CLOCK)
        self.container.mux(self.stream.encode(frame))

    def __exit__(self, kind: object, *_: object) -> None:
        with self.container:
            if kind is None:
                self.container.mux(self.stream.encode())
