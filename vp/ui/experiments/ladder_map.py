"""How strongly every stage of the network answers: the Ladder view."""

from __future__ import annotations

import numpy as np

import vp
from vp import render
from vp.rollout import Rollout

from ..payload import colour_limit, data_url, packed_motion
from ..registry import Answer, Subject, experiment


@experiment(order=8, window=("seen", "horizon"), file="ladder.npz")
def ladder_map(on: Subject) -> Answer:
    """Show how strongly every stage of the network answers, place by place and step by step.

    Returns:
        An .npz with one array [steps, h, w] for each stage (root mean square over its channels), and a JSON object
        with model and stages: in the order of computation, name, channels, size and strength (mean at each step).
    """
    strengths = on.inspect(vp.inspection.ladder_map, seen=on.window.seen, horizon=on.window.horizon)
    stages = [
        {
            "name": name,
            "channels": strengths.channels[name],
            "size": list(maps.shape[1:]),
            "strength": [float(v) for v in maps.mean((1, 2))],
        }
        for name, maps in strengths.stages.items()
    ]

    def drawing() -> dict:
        """Every stage as a grey film strip from top to bottom, brightest where it answers most, its "range" from black
        to white. taps: the stages on the way down. moves: what each level adds to the motion, see `moves_payload`."""
        drawn = []
        for stage, maps in zip(stages, strengths.stages.values(), strict=True):
            # A memory may answer everywhere: what it says is in the differences.
            low, high = (float(v) for v in np.percentile(maps, (1, 99.5)))
            sprite = render.to_uint8((maps - low) / max(high - low, 1e-3)).reshape(-1, maps.shape[2])
            drawn.append(stage | {"range": [low, high], "sprite": data_url(render.png(sprite))})
        taps = [name for name in strengths.stages if not name.startswith(("C", "L"))]
        return {"stages": drawn, "taps": taps, "moves": moves_payload(on.rollout)}

    return Answer(
        {"model": on.window.model, "stages": stages},
        drawing,
        lambda path: np.savez_compressed(path, **strengths.stages),
    )


def moves_payload(rollout: Rollout) -> dict[str, dict]:
    """What each of C4 to C1 itself adds to the motion: {name: `packed_motion`, the "limit" from which it has
    the full colour, and "share", in dB a step}; empty for a network that moves nothing level by level."""
    return {
        level.name: {"limit": colour_limit(-level.added, 0.25), "share": level.share, **packed_motion(-level.added)}
        for level in vp.inspection.built_up(rollout)
    }
