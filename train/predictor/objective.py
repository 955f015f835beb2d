"""What one training step minimises."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vp.models import Ladder

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
        out = self.model(clips[:, :seen])
        # After one frame there is no motion to know yet, unless it is all there is.
        first = min(1, seen - 1) if self.every_step else seen - 1
        outputs, inputs, targets = [out], [clips[:, first:seen]], [clips[:, first + 1 : seen + 1]]
        predictions = [out.frames[:, first:]]
        for k in range(feedback):
            fed = predictions[-1][:, -1:].detach().clamp(0, 1)
            out = self.model(fed, out.state)
            outputs.append(out)
            inputs.append(fed)
            predictions.append(out.frames)
            targets.append(clips[:, seen + 1 + k : seen + 2 + k])
        predictions, targets = torch.cat(predictions, dim=1).flatten(0, 1).float(), torch.cat(targets, 1).flatten(0, 1)
        loss, terms = self.criterion(predictions, targets)
        if level_weight and outputs[0].levels:
            levels = {
                block: torch.cat([outputs[0].levels[block][:, first:], *(o.levels[block] for o in outputs[1:])], 1)
                for block in outputs[0].levels
            }
            flows = {block: flow.flatten(0, 1) for block, flow in levels.items()}
            off = level_loss(flows, self.model.config.strides, torch.cat(inputs, 1).flatten(0, 1), targets)
            loss, terms["levels"] = loss + level_weight * off, off.detach()
        return loss, terms
