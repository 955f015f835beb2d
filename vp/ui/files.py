"""Files that come with a request, and where those of its result go."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from vp import video
from vp.errors import RequestError
from vp.replacing import FULL

KEPT = 3600  # seconds that uploads and results stay
MAKE_ROOM = "Free some space, or start the app with GRADIO_TEMP_DIR set to a folder on another disk."


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
    """A copy where Gradio may serve it from, one for each content: clips lie wherever their owner keeps them.

    Raises RequestError where there is no room for it.
    """
    with _room(Path(path).name):
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


def written(name: str, write: Callable[[Path], object]) -> Path:
    """A new file for a result, filled by `write`. Raises RequestError, and leaves nothing, where there is no room."""
    with _room(name):
        path = new_file(name)
        try:
            write(path)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
    return path


@contextmanager
def _room(name: str) -> Iterator[None]:
    """Say what to do where a file cannot be written into the folder that Gradio serves."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno in FULL else error.strerror or error
        raise RequestError(f"{name} cannot be written: {why}. {MAKE_ROOM}") from error
