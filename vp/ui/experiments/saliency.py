"""Which seen pixels move the prediction."""

from __future__ import annotations

import numpy as np
from PIL import Image

import vp
from vp import render

from ..payload import data_url
from ..registry import REGION, Answer, Subject, experiment


@experiment(
    order=6,
    title="Where does the prediction look?",
    about="How strongly each pixel it has seen moves the first predicted frame. Drag over the prediction to ask "
    "about a part of it.",
    button="Ask about the whole frame",
    window=("seen",),
    arguments=REGION,
    file="saliency.png",
)
def saliency(on: Subject, top: float, left: float, bottom: float, right: float) -> Answer:
    """Show which seen pixels move the first predicted frame, or the part of it between top, left, bottom and right (0
    to 1).

    Returns:
        A PNG strip, one heat map a seen frame (brightness is the root of the sensitivity), and a JSON object with
        shares (each frame's part of the whole, adding up to 1) and region (in pixels).
    """
    region = (top, left, bottom, right)
    sensitivity = on.inspect(vp.inspection.saliency, seen=on.window.seen, region=region)
    heat = render.heat(sensitivity.heat)
    return Answer(
        {"shares": sensitivity.shares, "region": list(sensitivity.region)},
        lambda: {"size": list(heat.shape[1:]), "sprite": data_url(render.png(np.concatenate(heat)))},
        lambda path: Image.fromarray(np.concatenate(heat, axis=1)).save(path),
    )
