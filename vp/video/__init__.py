"""Read any common video file into RGB frames at a chosen rate and size; write mp4 and gif.

Files are opened through PyAV (FFmpeg), and gif, webp, apng and avif through imageio (Pillow), as untrusted input. What
is shown, when, in which shape and colours is what players and browsers show. No exception of these libraries leaves
this package, only `VideoError` with a message for the person who chose the file.
"""

from .playable import browser_playable, to_browser_mp4
from .reading import VideoInfo, probe, read, stream
from .window_cache import read_again
from .writing import write_gif, write_mp4

__all__ = [
    "VideoInfo",
    "browser_playable",
    "probe",
    "read",
    "read_again",
    "stream",
    "to_browser_mp4",
    "write_gif",
    "write_mp4",
]
