"""What one training step minimises."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vp.models import Ladder
from vp.models.ladder import join

from .losses import PredictionLoss, level_loss


class Objective(nn.Module):
    """A ladder and its loss as one module.

    One call computes everything that a step needs, self-fed predictions too: distributed training wraps a module
    whose forward runs once for each backward.

    every_step: supervise the prediction after every seen frame but the first, or after the last one only (the
        paper's training, section 4.1).
    """

    def __init__(self, model: Ladder, criterion: PredictionLoss, *, every_step: bool = True) -> None:
        super().__init__()
        self.model, self.criterion, self.every_step = model, criterion, every_step

    def forward(
        self, clips: Tensor, seen: int, feedback: int = 0, level_weight: float = 0.0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """clips [B, seen + 1 + feedback, 3, H, W] in [0, 1] -> (loss, {term: value}).

        The ladder sees `seen` real frames, then its own predictions `feedback` times. The gradient goes back through
        the state, not through the fed picture: that would cost a backward pass of the encoder for a signal that the
        state carries anyway. level_weight: of `level_loss`, for a network that moves pixels.
        """
        if clips.shape[1] != seen + 1 + feedback:
            raise ValueError(f"{seen} seen and {feedback} fed-back frames need clips of {seen + 1 + feedback} frames")
        outputs = [self.model(clips[:, :seen])]
        inputs = [clips[:, :seen]]
        for _ in range(feedback):
            inputs.append(outputs[-1].frames[:, -1:].detach().clamp(0, 1))
            outputs.append(self.model(inputs[-1], outputs[-1].state))
        # After one frame there is no motion to know yet, unless it is all there is.
        first = min(1, seen - 1) if self.every_step else seen - 1

        def supervised(steps: Tensor) -> Tensor:
            return steps[:, first:].flatten(0, 1)

        out, truth = join(outputs), supervised(clips[:, 1:])
        ahead = (torch.arange(clips.shape[1] - 1, device=clips.device) - seen + 2).clamp_min(1).expand(len(clips), -1)
        loss, terms = self.criterion(supervised(out.frames).float(), truth, supervised(ahead))
        if level_weight and out.levels:
            flows = {block: supervised(flow) for block, flow in out.levels.items()}
            off = level_loss(flows, supervised(torch.cat(inputs, dim=1)), truth)
            loss, terms["levels"] = loss + level_weight * off, off.detach()
        return loss, terms
