"""One prediction, to find weights that are finite themselves but give numbers that are not.

A variance below zero, a spread of zero, or weights that a diverging run has blown up: such a network is neither written
nor served.
"""

from __future__ import annotations

import torch

from ..errors import CheckpointError
from ..models import Ladder, StateClassifier


@torch.inference_mode()
def try_out(net: Ladder | StateClassifier, what: str) -> None:
    """Let a network in eval mode predict once, in fp32 on the CPU. Raises CheckpointError, beginning with `what`, if
    the result is not finite."""
    if isinstance(net, Ladder):
        # Three different frames of all shades: what is seen, what the memory makes of it, and what is fed back.
        shades = torch.linspace(0, 1, 2 * 3 * net.config.height * net.config.width)
        made = net.rollout(shades.view(1, 2, 3, net.config.height, net.config.width), 2).frames
    else:
        made = net.probabilities(torch.linspace(-1, 1, net.config.features)[None])
    if not made.isfinite().all():
        raise CheckpointError(
            f"{what}: these weights predict numbers that are not finite, as of a run that diverged. Use an older "
            "checkpoint, or train again with a lower learning rate."
        )
