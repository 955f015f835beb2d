"""Files of a prediction that a visitor may keep."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from PIL import Image

from vp import render, video
from vp.archive import save_npz
from vp.errors import RequestError
from vp.rollout import Rollout

from .files import written
from .store import Request

KINDS = ("png", "mp4", "gif", "npz")


def make_download(rollout: Rollout, request: Request, kind: str) -> Path:
    """Write one of KINDS into a folder of its own. Raises RequestError for another, and where there is no
    room."""
    if kind not in KINDS:
        raise RequestError(f"There is no download {kind!r}: choose one of {', '.join(KINDS)}.")
    window = request.window
    fps, fine = window.fps, "-fine" if window.size == "fine" else ""

    def write(path: Path) -> None:
        if kind == "png":
            Image.fromarray(render.sheet(rollout)).save(path)
        elif kind == "mp4":
            render.side_by_side_mp4(rollout, path, fps)
        elif kind == "gif":
            video.write_gif(path, render.side_by_side(rollout, scale=2), fps=fps / 2)
        else:
            save_npz(rollout, path, clip=request.title, start=window.start, fps=fps, size=window.size)

    return written(f"{rollout.model}{fine}.{kind}", write)


def url(path: Path) -> str:
    """Where the page finds a file of the folder that Gradio serves."""
    return f"gradio_api/file={quote(str(path))}"
