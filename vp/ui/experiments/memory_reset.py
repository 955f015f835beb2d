"""The memory wiped on the way through a clip."""

from __future__ import annotations

from dataclasses import replace

import vp

from ..registry import Answer, Argument, Subject, experiment
from ..store import Request

RESET_FRAMES = 17


def _along_the_clip(request: Request) -> dict:
    window = request.window
    frames = max(3, min(RESET_FRAMES, window.most, int((request.seconds - window.start) * window.fps)))
    return {"frames": frames, "at": frames // 2}


@experiment(
    order=3,
    title="Wipe the memory",
    about="The clip is shown frame by frame, and at one of them the network forgets everything. Click another frame"
    " to wipe before it.",
    button="Wipe it in the middle",
    arguments=(
        Argument("frames", RESET_FRAMES, "frames of the clip to take, at the fine size to 12", 3, 21),
        Argument("at", 8, "frame before which every state is set to zero, 1 to frames - 2"),
    ),
    page=_along_the_clip,
)
def memory_reset(on: Subject, frames: int, at: int) -> Answer:
    """Show a clip frame by frame and wipe the network's memory on the way. frames: 3 to 21; at: the frame before
    which it is wiped, from 0. Gives the PSNR of each next frame, with and without.

    Returns:
        A JSON object with at, psnr, reset_psnr, copy_psnr (lists in dB) and recovered (frames until it is within 0.1
        dB of the untouched prediction and stays so, null if never).
    """
    reset = on.inspect(vp.inspection.memory_reset, replace(on.window, seen=frames - 1), at=at)
    return Answer({name: getattr(reset, name) for name in ("at", "psnr", "reset_psnr", "copy_psnr", "recovered")})
