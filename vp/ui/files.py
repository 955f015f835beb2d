"""Files that come with a request, and where those of its result go."""

from __future__ import annotations

import secrets
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from vp import video
from vp.errors import RequestError


def given_video(path: str | None) -> str:
    """The path of a video that came with a request. Raises RequestError if none came, VideoError if it is none."""
    if not path:
        raise RequestError("No video given: pass a file, e.g. handle_file('clip.mp4').")
    video.probe(path)
    return path


def plain(component: gr.Component) -> gr.Component:
    """Give a component for files the path of what was uploaded, as it came.

    Gradio hands videos to an ffmpeg program first, which may not be there, and leaves an empty file for each other one.
    """
    component.preprocess = lambda payload: payload.path if payload else None
    return component


def new_file(name: str) -> Path:
    """A path for a result, in a folder of its own under the one that Gradio serves and clears."""
    path = Path(get_upload_folder()) / secrets.token_hex(16) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
