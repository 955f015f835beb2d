"""Start a run from the weights of another one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from vp.models import Ladder

# The full-resolution ladder reads the encoder one level finer, so its C2 does what C1 does elsewhere, and so on.
FINER = {
    "laterals.C1": "laterals.C2",
    "laterals.C2": "laterals.C3",
    "laterals.C3": "laterals.C4",
    "decoder.L1": "decoder.L2",
    "decoder.L2": "decoder.L3",
}


def warm_start(model: Ladder, source: Path) -> str:
    """Copy the averaged weights of another run's `last.ckpt` where places and shapes agree.

    Location maps are resized to this model's frame. Returns where the source's encoder came from.
    """
    saved = torch.load(source, map_location="cpu", weights_only=True)
    state = model.state_dict()
    shift = model.config.full_resolution and not any(name.startswith("stem.") for name in saved["average"])
    copied = 0
    for name, value in saved["average"].items():
        name = _place(name, shift, state)
        if name is None:
            continue
        if name.endswith(".location") and value.shape[1] == state[name].shape[1]:
            value = F.interpolate(value, size=state[name].shape[-2:], mode="bilinear", align_corners=False)
        if value.shape == state[name].shape:
            state[name] = value
            copied += 1
    model.load_state_dict(state)
    print(f"started {copied} of {len(state)} tensors from {source}")
    return saved["progress"]["provenance"]


def _place(name: str, shift: bool, state: dict) -> str | None:
    """The name of a tensor in the new network, None if it has no counterpart."""
    if shift and not name.startswith("encoder."):
        part = ".".join(name.split(".")[:2])
        if part not in FINER:
            return None
        name = FINER[part] + name[len(part) :]
    if name in state:
        return name
    # A plain 1x1 convolution in one network may be the convolution of a location-dependent one in the other.
    name = name.replace(".skip.", ".skip.conv.")
    return name if name in state else None
