"""Limits for what people upload and ask for, in one place.

They keep one visitor from filling the RAM or the processor of a small shared machine.
"""

from numbers import Integral

MAX_UPLOAD_BYTES = 200_000_000
MAX_SECONDS = 120
MAX_PIXELS = 7680 * 4320  # 8K in either orientation
MAX_READ_BYTES = 2**30  # of decoded frames held at once
MAX_ANIMATION_PIXELS = 2**30  # of all pictures of a gif, webp, apng or avif: it is decoded to be measured

FPS = 10  # frames per second of every training, score and classification
FRAME_RATES = (25, 15, 10, 5)  # frames per second that a clip is resampled to
MAX_FRAMES = MAX_SECONDS * max(FRAME_RATES)  # kept after resampling

MAX_SEEN = 20  # frames shown to the network before it predicts
MAX_HORIZON = 10  # frames that it predicts
MAX_FINE = 12  # frames seen and predicted at twice the network's size: each takes four times the time and RAM
MAX_CLASSIFIED = 300  # frames that the action classifier watches: half a minute at its 10 a second

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".avi", ".webm", ".mkv", ".gif", ".apng",
    ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".3gp", ".3g2", ".flv", ".f4v", ".ogv", ".wmv", ".asf",
)  # fmt: skip
UPLOAD_SUFFIXES = (*VIDEO_SUFFIXES, ".webp", ".png", ".avif")  # in a folder these are stills as a rule


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, NumPy's too; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def describe() -> str:
    """The limits on a video in one sentence for the page."""
    return (
        f"Videos of up to {MAX_SECONDS // 60} minutes, {MAX_UPLOAD_BYTES // 10**6} MB and 8K (7680×4320) work, "
        "in every common format: mp4, mov, avi, webm, mkv, gif and more."
    )
