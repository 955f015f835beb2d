"""The flow that moves the last frame, level by level, and what is painted: the Motion view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import vp
from vp.errors import RequestError
from vp.render import png, to_uint8
from vp.rollout import Rollout

from ..payload import PNG_LEVEL, colour_limit, data_url, mean_speed, packed_motion
from ..registry import Answer, Subject, experiment

if TYPE_CHECKING:
    from vp.inspection import Level
    from vp.models import Ladder

NO_FLOW = "This network paints its frames without moving pixels: it has no flow to show."


@experiment(order=7, window=("seen", "horizon"), file="motion.npz", quick=True)
def motion(on: Subject) -> Answer:
    """Show what the network moves and what it paints, step by step, and how the motion is built up from coarse to
    fine by the memories C4 to C1.

    Returns:
        An .npz with flow [steps, h, w, 2] (pixels right and down, from the new frame back to the last one), mask
        [steps, h, w] (share painted rather than moved) and C4, C3, C2, C1: the flow as it stands after each of these
        levels, on its own grid, in pixels too. And a JSON object with model, steps, size, speed (mean length of the
        flow in pixels), painted (mean share) and gain (dB of each step's prediction over the frame that it read, null
        where the clip ends), lists of one number a step, and levels: in the order C4, C3, C2, C1 name, size, speed and
        gain of the read frame moved by that flow alone. Fails for a network that moves no pixels.
    """
    rollout = on.rollout
    levels = vp.inspection.built_up(rollout)
    numbers = motion_numbers(rollout, levels)
    arrays = {"flow": rollout.flow, "mask": rollout.mask} | rollout.levels
    return Answer(
        numbers,
        lambda: (
            motion_drawing(rollout, levels)
            | {"locations": location_payload(on.explorer.predictor(rollout.model).model)}
        ),
        lambda path: np.savez_compressed(path, **{name: maps.astype(np.float16) for name, maps in arrays.items()}),
    )


def motion_numbers(rollout: Rollout, levels: list[Level]) -> dict:
    """The JSON object. levels: `built_up` of the rollout. Raises RequestError for a network that moves no pixels."""
    if rollout.flow is None or rollout.mask is None:
        raise RequestError(NO_FLOW)
    return {
        "model": rollout.model,
        "steps": rollout.steps,
        "size": list(rollout.mask.shape[1:]),
        "speed": mean_speed(rollout.flow),
        "painted": [float(share) for share in rollout.mask.mean((1, 2))],
        "gain": vp.inspection.predicted_gain(rollout),
        "levels": [
            {"name": one.name, "size": list(one.flow.shape[1:3]), "speed": mean_speed(one.flow), "gain": one.gain}
            for one in levels
        ],
    }


def motion_drawing(rollout: Rollout, levels: list[Level]) -> dict:
    """What is drawn of that; motion is where things go, from the last frame to the predicted one.

    mask: a grey film strip from left to right, a step each. levels: the motion after C4, C3, C2 and C1, see
    `packed_motion`, each with its "name" and "gain". limit: pixels of motion that have the full colour.
    """
    mask = np.concatenate(list(to_uint8(rollout.mask.astype(np.float32))), axis=1)
    return {
        "limit": colour_limit(-rollout.flow, 1.0),
        "mask": data_url(png(mask, PNG_LEVEL)),
        # A network says where a pixel comes FROM.
        "levels": [{"name": level.name, "gain": level.gain, **packed_motion(-level.flow)} for level in levels],
    }


def location_payload(model: Ladder) -> dict:
    """The location biases of a network: {block: {"filters", "size", "scale", "sprite"}}, a grey sprite with a filter a
    column, 127.5 being zero and `scale` the largest absolute value."""
    from vp.models.lateral import LocationConv2d

    maps = {}
    for block, lateral in model.laterals.items():
        if isinstance(lateral.skip, LocationConv2d):
            bias = lateral.skip.location.detach().float().cpu().numpy()[0]
            scale = max(float(np.abs(bias).max()), 1e-9)
            sprite = np.clip(bias / scale * 127.5 + 127.5 + 0.5, 0, 255).astype(np.uint8)
            maps[block] = {
                "filters": len(bias),
                "size": list(bias.shape[1:]),
                "scale": float(f"{scale:.4g}"),
                "sprite": data_url(png(np.concatenate(list(sprite), axis=1))),
            }
    return maps
