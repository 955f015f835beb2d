"""The action classifier on the hidden states (paper section 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .classifier_config import ClassifierConfig
from .familiarity import Familiarity


class StateClassifier(nn.Module):
    """One hidden layer on the features: Linear, (batch norm), ReLU, (dropout), Linear (paper section 5).

    forward: features [B, F] -> logits [B, classes].
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("spread", torch.ones(config.features))
        self.input_dropout = nn.Dropout(config.input_dropout)
        if config.hidden:
            self.net = nn.Sequential(
                nn.Linear(config.features, config.hidden),
                nn.BatchNorm1d(config.hidden) if config.batch_norm else nn.Identity(),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden, len(config.classes)),
            )
        else:
            self.net = nn.Linear(config.features, len(config.classes))
        self.familiarity = Familiarity(config.features, config.directions, config.remembered)

    @torch.no_grad()
    def set_standard(self, features: Tensor) -> None:
        """Take mean, spread and what is familiar from the features [N, F] of the training clips."""
        if self.config.standardise:
            self.mean.copy_(features.mean(0))
            # A feature that hardly ever changes must not become the loudest.
            spread = features.std(0)
            self.spread.copy_(spread.clamp_min(0.1 * spread.mean().item() + 1e-6))
        if self.config.remembered:
            self.familiarity.remember(self.standard(features))

    def standard(self, features: Tensor) -> Tensor:
        """Features [B, F] with the training clips' mean and spread taken out."""
        return (features - self.mean) / self.spread

    def forward(self, features: Tensor) -> Tensor:
        return self.net(self.input_dropout(self.standard(features)))

    def probabilities(self, features: Tensor) -> Tensor:
        """Calibrated class scores [B, classes], which sum to one."""
        return torch.softmax(self(features) / self.config.temperature, dim=1)

    def strangeness(self, features: Tensor) -> Tensor:
        """Distance of features [B, F] to the nearest training clip [B]; see `Familiarity`."""
        return self.familiarity(self.standard(features))
