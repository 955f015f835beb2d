"""Open a file as untrusted video: the content decides the format, and only formats that hold their own pictures
are allowed (a playlist could name other files)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from PIL import Image

from vp import limits
from vp.errors import VideoError
from vp.replacing import FULL

from .colour import UNSPECIFIED, Tags
from .cropping import container_crop
from .pictures import Layout, stream_pixel_aspect

FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,mp3,wav,flac,aac"
MAX_THREADS = 4  # each decoding thread holds a frame, and an 8K frame takes 50 MB
# Titles and authors in no known encoding are no reason to refuse a video. PyAV 19 takes them as they come.
LENIENT = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
HEIF_BRANDS = ("avif", "heic", "heix", "mif1")  # pictures in the container of mp4
DOLBY_VISION = ("dvh1", "dvhe")  # with a transfer tag they can be read as the HDR or SDR that it says
UNTAGGED = ("vp8",)  # FFmpeg says BT.601 for it; browsers go by the number of lines
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own leave transparency out


class Source(NamedTuple):
    """An open video: the stream that is shown, what decodes it, and what the container says of its pictures."""

    container: av.container.InputContainer
    stream: av.VideoStream
    decoder: av.VideoCodecContext
    layout: Layout

    @property
    def format(self) -> str:
        """FFmpeg's name of the container: mov (mp4 too), matroska (webm too), avi, mpegts, ..."""
        return self.container.format.name.split(",")[0]


def check_file(path: str | os.PathLike) -> Path:
    """Refuse what is no file, empty or too large."""
    path = Path(path)
    if not path.is_file():
        raise VideoError(f"There is no video file '{path.name}'.")
    size = path.stat().st_size
    if size == 0:
        raise VideoError(f"'{path.name}' is empty: copy or upload it again.")
    if size > limits.MAX_UPLOAD_BYTES:
        raise VideoError(
            f"'{path.name}' has {size / 1e6:.0f} MB and the limit is {limits.MAX_UPLOAD_BYTES / 1e6:.0f} MB: "
            "cut a shorter piece or save it smaller."
        )
    return path


@contextmanager
def open_video(path: str | os.PathLike) -> Iterator[Source]:
    """Open a file with the stream that a player shows, checked against the limits before anything is decoded."""
    path = check_file(path)
    without_log()
    with as_video_errors(path), open(path, "rb") as file:
        try:
            # The limit on pixels holds in FFmpeg's own look at the first frames, too.
            options = {"format_whitelist": FORMATS, "max_pixels": str(limits.MAX_PIXELS * 9 // 8)}
            container = av.open(file, options=options, io_open=_refuse, **LENIENT)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise VideoError(_why_not(path)) from error
        with container:
            if container.metadata.get("major_brand") in HEIF_BRANDS:
                raise VideoError(picture(path))
            stream = _video_stream(container, path)
            decoder = _decoder(stream, path)
            decoder.thread_type = "AUTO"
            decoder.thread_count = min(MAX_THREADS, os.cpu_count() or 1)
            decoder.options = {"max_pixels": options["max_pixels"]}
            context = stream.codec_context
            tags = Tags(context.color_primaries, context.color_trc, context.colorspace)
            layout = Layout(
                pixel_aspect=stream_pixel_aspect(stream),
                crop=_crop(path, container, stream),
                tags=Tags() if codec_name(stream) in UNTAGGED else tags,
                # The fourth byte of an uncompressed picture in an avi is padding, often 0.
                alpha=(container.format.name, codec_name(stream)) != ("avi", "rawvideo"),
            )
            yield Source(container, stream, decoder, layout)


def without_log() -> None:
    """Keep FFmpeg's messages away from Python, for the whole process.

    PyAV does so unless asked otherwise, and others ask: torchvision 0.23 does when it is imported. A message then takes
    Python's lock in one of FFmpeg's threads, and whoever closes that decoder holds the lock and waits for the thread:
    both for ever, and every other thread with them.
    """
    av.logging.set_level(None)


def _refuse(url: str, *_: object) -> None:
    raise PermissionError(f"a video may not open other files: {url}")


def moving_streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """The video streams of a container without covers and thumbnails, the one that players show first.

    That is the one marked as default (mp4: as enabled), and of several the largest; one of a single picture is last.
    """
    marks = av.stream.Disposition
    aside = marks.attached_pic | marks.timed_thumbnails | marks.still_image

    def rank(stream: av.VideoStream) -> tuple[bool, bool, int]:
        context = stream.codec_context
        pixels = context.width * context.height if context else 0
        return stream.frames != 1, bool(stream.disposition & marks.default), pixels

    return sorted((s for s in container.streams.video if not s.disposition & aside), key=rank, reverse=True)


def _video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    stream = next(iter(moving_streams(container)), None)
    if stream is None:
        raise VideoError(f"'{path.name}' has no pictures in it, perhaps only sound: choose a video.")
    if stream.codec_context is None:
        raise VideoError(f"'{path.name}' is coded in a way that cannot be read here: save it as mp4 (H.264).")
    check_pixels(stream.codec_context.width, stream.codec_context.height)
    if stream.codec_context.codec_tag in DOLBY_VISION and stream.codec_context.color_trc == UNSPECIFIED:
        raise VideoError(f"'{path.name}' has colours that only Dolby Vision can show: save it as mp4 (H.264).")
    return stream


def has_alpha_mode(stream: av.VideoStream) -> bool:
    """Whether a webm says that its VP8 or VP9 pictures come with transparency beside them."""
    return stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1"


def _decoder(stream: av.VideoStream, path: Path) -> av.VideoCodecContext:
    if not has_alpha_mode(stream) or codec_name(stream) not in ALPHA_DECODERS:
        return stream.codec_context
    try:
        return av.CodecContext.create(ALPHA_DECODERS[codec_name(stream)], "r")
    except ValueError as error:  # av.codec.codec.UnknownCodecError
        raise VideoError(
            f"'{path.name}' is transparent, which this build of PyAV cannot read: save it as mp4 (H.264)."
        ) from error


def _crop(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> tuple[int, int, int, int]:
    with open(path, "rb") as file:  # its own place in the file: FFmpeg keeps count of the other one's
        return container_crop(file, container, stream)


def _why_not(path: Path) -> str:
    """Say why a file did not open."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return f"'{path.name}' is not complete, its end is missing: copy or upload it again."
    try:
        Image.open(path).close()
        return picture(path)
    except Image.DecompressionBombError:
        return picture(path)
    except Exception:  # Pillow raises many kinds of errors on files that are no picture
        return f"'{path.name}' is not a video that can be read: use mp4, mov, avi, webm, mkv or gif."


def picture(path: Path) -> str:
    return f"'{path.name}' is a picture, and motion needs more than one frame: choose a video."


def no_frames(path: str | os.PathLike) -> VideoError:
    return VideoError(
        f"No frame of '{Path(path).name}' can be decoded, it is empty, damaged or above the limit of 8K (7680×4320): "
        "try another file."
    )


@contextmanager
def as_video_errors(path: str | os.PathLike) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise VideoError(f"'{Path(path).name}' does not fit in RAM: save it smaller.") from error
    except PermissionError as error:
        raise VideoError(f"'{Path(path).name}' may not be opened: check its permissions.") from error
    except (av.FFmpegError, OSError, ValueError, ArithmeticError) as error:
        if getattr(error, "errno", None) in FULL:
            raise OSError(error.errno, os.strerror(error.errno)) from error  # no fault of the video
        raise VideoError(f"'{Path(path).name}' cannot be processed, it may be damaged: try another file.") from error


def check_pixels(width: int, height: int) -> None:
    if width * height > limits.MAX_PIXELS:
        raise VideoError(f"Frames of {width}×{height} pixels are above the limit of 8K (7680×4320): save it smaller.")


def check_seconds(seconds: Fraction | float) -> None:
    if seconds > limits.MAX_SECONDS + 1:  # a second of grace for the rounding of editors
        raise VideoError(f"The clip is longer than the limit of {limits.MAX_SECONDS} s: cut a shorter piece.")


def codec_name(stream: av.VideoStream) -> str:
    """The codec's common name: av1, not the name of the library that decodes it."""
    return stream.codec_context.codec.canonical_name
