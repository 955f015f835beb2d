"""The Gradio page and API."""

from __future__ import annotations

from starlette.middleware import Middleware

from vp.cache_folder import cache_folder
from vp.clips import BUNDLED as BUNDLED_CLIPS
from vp.limits import MAX_UPLOAD_BYTES

from .page import build
from .theme import css, head, theme
from .uploads import UploadGuard

QUEUE = 32


def launch_options() -> dict:
    """Options of `gr.Blocks.launch` that belong to the page: looks, limits on uploads, and the folders it may serve."""
    return {
        "theme": theme(),
        "css": css(),
        "head": head(),
        "max_file_size": MAX_UPLOAD_BYTES,
        "allowed_paths": [str(BUNDLED_CLIPS), str(cache_folder())],
        "app_kwargs": {"middleware": [Middleware(UploadGuard)]},
        "footer_links": ["api", "gradio"],
    }


__all__ = ["QUEUE", "build", "launch_options"]
