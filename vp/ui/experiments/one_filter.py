"""One filter of a memory with what it answers to."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

import vp
from vp.models import BLOCKS

from ..payload import titles
from ..registry import FILTER, Answer, Subject, experiment


@experiment(order=10, arguments=FILTER, network=True, quick=True)
def one_filter(on: Subject, block: str, kernel: str, filter: int) -> Answer:
    """Say what one filter of a memory answers to: the moments of the drawn clips at which it is largest, what a
    prediction loses without it, and which motion it speaks for.

    Returns:
        A JSON object with model, part, clips (in the index), moments (of the state h, the update gate z and the change
        dh: the largest first, at most one a clip, each with clip, start, step, time, row, column, value, and y and x in
        shares of the frame), lost (dB that the next frame loses without it, by clip), mean_lost and polar, the mean
        state by the motion at the same place: activation [sizes, directions] (null where nothing moved so), count,
        sizes (pixels a frame from which each counts), directions (degrees, 0 to the right, 90 up) and still (the mean
        where nothing moved); null for a network that matches nothing. Fails for a network that has no index.
    """
    model = on.window.model
    index = on.explorer.index(model)
    profile = vp.inspection.filter_profile(index, block, kernel, filter)
    ladder = on.explorer.predictor(model).model.config
    stride, (height, width) = ladder.strides[BLOCKS.index(block)], ladder.size
    moments = {
        quantity: [
            asdict(one)
            | {"time": one.time, "y": (one.row + 0.5) * stride / height, "x": (one.column + 0.5) * stride / width}
            for one in moments
        ]
        for quantity, moments in profile.moments.items()
    }
    polar = profile.polar and {
        "sizes": list(profile.polar.sizes),
        "directions": list(profile.polar.directions),
        "activation": [[v if np.isfinite(v) else None for v in row] for row in profile.polar.activation.tolist()],
        "count": profile.polar.count.tolist(),
        "still": profile.polar.still if np.isfinite(profile.polar.still) else None,
    }
    numbers = {
        "model": model,
        "part": profile.path,
        "clips": len({passage.clip for passage in index.passages}),
        "moments": moments,
        "lost": profile.lost,
        "mean_lost": profile.mean_lost,
        "polar": polar,
    }
    clips = {one["clip"] for some in moments.values() for one in some} | set(profile.lost)
    return Answer(numbers, lambda: {"titles": titles(on.explorer, clips)})
