"""Files that come with a request, and where those of its result go."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from vp import video
from vp.errors import RequestError

KEPT = 3600  # seconds that uploads and results stay


def given_video(path: str | None) -> str:
    """The path of a video that came with a request. Raises RequestError if none came or it was deleted since,
    VideoError if it is none."""
    if not path:
        raise RequestError("No video given: pass a file, e.g. handle_file('clip.mp4').")
    video.probe(still_there(path))
    return path


def still_there(path: str, title: str = "The video", *, uploaded: bool = True) -> str:
    """The path, as long as its file exists. Raises RequestError, saying what to do, once it was deleted."""
    if not os.path.exists(path):
        if uploaded:
            raise RequestError(f"{title} is no longer here, as uploads are deleted after an hour: upload it again.")
        raise RequestError(f"{title} is no longer here: choose it again.")
    return path


def shown_copy(path: str) -> str:
    """A copy where Gradio may serve it from, one for each content: clips lie wherever their owner keeps them."""
    return save_file_to_cache(path, get_upload_folder())


def plain(component: gr.Component) -> gr.Component:
    """Give a component for files the path of what was uploaded, as it came.

    Gradio hands videos to an ffmpeg program first, which may not be there, and leaves an empty file for each other one.
    """
    component.preprocess = lambda payload: payload.path if payload else None
    return component


def new_file(name: str) -> Path:
    """A path for a result, in a folder of its own under the one that Gradio serves.

    Gradio clears what its own components show. Here all results go that are older than `KEPT`, with their folders.
    """
    results = Path(get_upload_folder()) / "results"
    path = results / secrets.token_hex(16) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in results.iterdir():
        with suppress(OSError):  # another request may have been quicker
            if time.time() - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder)
    return path
