"""The same network before it learned anything."""

from __future__ import annotations

import torch

from .ladder import Ladder


def untrained(model: Ladder, seed: int = 0) -> Ladder:
    """A network of the same configuration with fresh weights, in eval mode, fp32, on the CPU.

    The encoder, and what standardises its features, stay: they are not what training for prediction makes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Ladder(model.config)
    kept = {
        name: value.detach().cpu()
        for name, value in model.state_dict().items()
        if name.startswith("encoder.") or ".standardise." in name
    }
    fresh.load_state_dict(fresh.state_dict() | kept)
    return fresh.eval()
