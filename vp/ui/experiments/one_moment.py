"""One stretch of time with what runs alike."""

from __future__ import annotations

from dataclasses import asdict

import vp
from vp.errors import ExplorerError

from ..payload import short, titles
from ..registry import FILTER, REGION, Answer, Argument, Subject, experiment


@experiment(
    order=11,
    window=("seen", "horizon"),
    arguments=(
        *FILTER,
        Argument("first", 1, "first step of the stretch, from 0"),
        Argument("last", 6, "last step of the stretch, at least 2 after the first"),
        *REGION,
    ),
    quick=True,
)
def one_moment(
    on: Subject,
    block: str,
    kernel: str,
    filter: int,
    first: int,
    last: int,
    top: float,
    left: float,
    bottom: float,
    right: float,
) -> Answer:
    """Mark a stretch of time, and a part of the frame, and find the filters of all blocks that run most like this one
    there, and the clips and times at which it does so again.

    Returns:
        A JSON object with model, marked (part and curve: the mean state in that part of the frame at each step), others
        (the most alike or most opposed first: part, curve and correlation), again (stretches of indexed clips: clip,
        start, step, time, curve of the mean over the whole map, and correlation; null where there is no index) and
        missing (why, in words, else null).
    """
    path, region = (block, kernel, filter), (top, left, bottom, right)
    similar = vp.inspection.alike(on.rollout, *path, first=first, last=last, region=region)
    again, missing = None, None
    try:
        again = _again(on, path, first, last)
    except ExplorerError as error:
        missing = str(error)
    numbers = {
        "model": on.rollout.model,
        "marked": {"part": similar.marked.path, "curve": short(similar.marked.curve)},
        "others": [
            {"part": one.path, "curve": short(one.curve), "correlation": one.correlation} for one in similar.others
        ],
        "again": again,
        "missing": missing,
    }

    def drawing() -> dict:
        """course: the mean state in that part of the frame at every step of the rollout."""
        course = short(vp.inspection.course(on.rollout, *path, region))
        return {"titles": titles(on.explorer, {one["clip"] for one in again or ()}), "course": course}

    return Answer(numbers, drawing)


def _again(on: Subject, path: tuple[str, str, int], first: int, last: int) -> list[dict]:
    """Stretches of indexed clips at which a filter does so again. Raises CheckpointError where there is no index."""
    # The index knows means over the whole map.
    curve = vp.inspection.course(on.rollout, *path)[first : last + 1]
    clip, fps = on.request.clip_id, on.window.fps
    marked = (clip, on.window.start + first / fps) if clip else None
    stretches = vp.inspection.again(on.explorer.index(on.rollout.model), *path, curve, fps=fps, marked=marked)
    return [asdict(one) | {"time": one.time, "curve": short(one.curve)} for one in stretches]
