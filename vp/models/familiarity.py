"""How far features lie from everything seen in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Familiarity(nn.Module):
    """Distance to the nearest training clip, along the directions in which training clips differ most.

    The usual distance from the mean says next to nothing here: a clip of an action never seen before lies no further
    from the middle of all than one of a known action, but it has fewer like it nearby (nearest neighbours as in Sun et
    al. 2022). Each direction, a principal component, is scaled to unit variance: 1 in the distance is a usual
    difference along one of them.

    directions: [D, F], buffer; seen: [N, D], buffer, the training clips in these directions; 0 until `remember`.
    forward: standardised features [B, F] -> distances [B], infinite where no clip is remembered.
    """

    def __init__(self, features: int, directions: int, clips: int) -> None:
        super().__init__()
        self.register_buffer("directions", torch.zeros(directions, features))
        self.register_buffer("seen", torch.zeros(clips, directions))

    @torch.no_grad()
    def remember(self, features: Tensor) -> None:
        """Take these training clips: standardised features [N, F]. Raises ValueError for another number of them."""
        if len(features) != len(self.seen):
            raise ValueError(f"made for {len(self.seen)} training clips, not for {len(features)}")
        _, sizes, directions = torch.linalg.svd(features - features.mean(0), full_matrices=False)
        count = len(self.directions)
        spread = sizes[:count] / max(1, len(features) - 1) ** 0.5
        self.directions.copy_(directions[:count] / spread.clamp_min(1e-6).unsqueeze(1))
        self.seen.copy_(features @ self.directions.T)

    def forward(self, features: Tensor) -> Tensor:
        if not len(self.seen):
            return features.new_full((len(features),), torch.inf)
        return torch.cdist(features @ self.directions.T, self.seen).amin(1)
