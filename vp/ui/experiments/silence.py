"""The prediction without parts of the network."""

from __future__ import annotations

import numpy as np

from vp import render
from vp.errors import RequestError

from ..payload import data_url
from ..registry import Answer, Argument, Subject, experiment

MAX_PARTS = 64


@experiment(
    order=1,
    title="Silence a part",
    about="Switch parts of the network off and see what they were for. What is silenced is zero at every step: a "
    "block's three ConvGRUs, its convolution of the present frame (<em>now</em>), and in C3 and C4 the "
    "learned map that tells it where in the frame it is (<em>place</em>).",
    window=("seen", "horizon"),
    arguments=(Argument("parts", "C1.3x3", "paths of parts, separated by commas"),),
    file="silenced.mp4",
)
def silence(on: Subject, parts: str) -> Answer:
    """Predict with parts of the network silenced, and without. Settings as in /predict; parts: what to silence, by
    commas, e.g. "C2", "C2.skip", "C3.location", "C1.3x3" or filter 7 of it, "C1.3x3.7". Gives an mp4 and the dB
    that it costs.

    Returns:
        An mp4 of the prediction without them beside the truth, and a JSON object with model, parts, psnr,
        untouched_psnr (lists, dB, one number a step that has a true frame) and lost (their mean difference in dB,
        null without true frames).
    """
    chosen = [part.strip() for part in parts.split(",") if part.strip()]
    if not 1 <= len(chosen) <= MAX_PARTS:
        raise RequestError(f"Name 1 to {MAX_PARTS} parts to silence, separated by commas, e.g. C1.3x3, C4.skip.")
    on.explorer.predictor(on.window.model).masks(chosen)  # refuses what is not there before anything is predicted
    untouched = on.rollout
    silenced = on.explorer.silence(untouched, chosen)
    scores, before = silenced.scores["psnr"], untouched.scores["psnr"]
    return Answer(
        {
            "model": silenced.model,
            "parts": chosen,
            "psnr": scores,
            "untouched_psnr": before,
            "lost": float(np.mean(before) - np.mean(scores)) if scores else None,
        },
        lambda: {"strip": data_url(render.png(render.film_strip(silenced.predictions)))},
        lambda path: render.side_by_side_mp4(silenced, path, on.window.fps),
    )
