"""`last.ckpt`: everything that a run needs to go on where it was."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

NAME = "last.ckpt"


def save(out: Path, model: nn.Module, optimiser: torch.optim.Optimizer, average: dict[str, Tensor], progress: dict):
    """Write the run's state into its folder; a run killed meanwhile leaves the one before."""
    temporary = out / f"{NAME}.tmp"
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "average": average}
    torch.save({**state, "progress": progress}, temporary)
    temporary.replace(out / NAME)


def load(out: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict] | None:
    """Fill model and optimiser; returns (average, progress), or None where the run has not begun."""
    if not (out / NAME).exists():
        return None
    saved = torch.load(out / NAME, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    return saved["average"], saved["progress"]
