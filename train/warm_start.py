"""Start a run from the weights of another one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vp.checkpoints import open_checkpoints
from vp.checkpoints.training import spent
from vp.models import BLOCKS, KERNELS, Ladder

from .encoder_weights import shared_provenance

# The full-resolution ladder reads the encoder one level finer, so its C2 does what C1 does elsewhere, and so on.
FINER = {
    "laterals.C1": "laterals.C2",
    "laterals.C2": "laterals.C3",
    "laterals.C3": "laterals.C4",
    "decoder.L1": "decoder.L2",
    "decoder.L2": "decoder.L3",
}


class Start(NamedTuple):
    """What a run starts from.

    spent: minutes, steps and clips of training that are already in it, over all runs; before: the part of them that
    was spent before the last run began.
    """

    state: dict[str, Tensor]
    provenance: str
    spent: dict[str, float]
    before: dict[str, float]

    @property
    def full_resolution(self) -> bool:
        return any(name.startswith("stem.") for name in self.state)


def read_start(source: Path) -> Start:
    """The averaged weights of another run's `last.ckpt`, or of a predictor's folder as the app loads it
    (`assets/checkpoints/one_frame`: its encoder lies beside it)."""
    if source.is_dir():
        repository = open_checkpoints(str(source.parent))
        training = repository.config(source.name)["training"]
        state, provenance = repository.load(source.name).state_dict(), shared_provenance(source.parent)
    else:
        saved = torch.load(source, map_location="cpu", weights_only=True)
        progress = saved["progress"]
        training = progress | {"minutes": progress["seconds"] / 60, "steps": progress["step"]}
        state, provenance = saved["average"], progress["provenance"]
    return Start(state, provenance, spent(training), training.get("before", {}))


def load_encoder(model: Ladder, start: Start) -> None:
    """Copy the encoder of another run."""
    own = {name: value for name, value in start.state.items() if name.startswith("encoder.")}
    model.load_state_dict(own, strict=False)


def warm_start(model: Ladder, start: Start) -> None:
    """Copy the weights of another run (see `read_start`) where places and shapes agree.

    Location maps are resized to this model's frame. Where this model standardises features and the source does not,
    the convolutions that read them are rewritten, so that away from the border they compute what they computed.
    """
    state = model.state_dict()
    rewrite = not any(".standardise." in name for name in start.state)
    shift = model.config.full_resolution and not start.full_resolution
    copied = 0
    for name, value in start.state.items():
        name = _place(name, shift, state)
        if name is None:
            continue
        if name.endswith(".location") and value.shape[1] == state[name].shape[1]:
            value = F.interpolate(value, size=state[name].shape[-2:], mode="bilinear", align_corners=False)
        if value.shape == state[name].shape:
            state[name] = value.clone()
            copied += 1
    if rewrite:
        for lateral in (f"laterals.{block}" for block in BLOCKS):
            if f"{lateral}.standardise.mean" in state:
                _rewrite(state, lateral)
    model.load_state_dict(state)
    print(f"started {copied} of {len(state)} tensors")


def _rewrite(state: dict[str, Tensor], lateral: str) -> None:
    """w x + b, written as w' (x - mean) / std + b'."""
    mean, std = (state[f"{lateral}.standardise.{which}"].view(1, -1, 1, 1) for which in ("mean", "std"))
    skip = f"{lateral}.skip.conv" if f"{lateral}.skip.conv.weight" in state else f"{lateral}.skip"
    for conv in (skip, *(f"{lateral}.grus.{kernel}.input" for kernel in KERNELS)):
        weight = state[f"{conv}.weight"]
        state[f"{conv}.bias"] = state[f"{conv}.bias"] + (weight * mean).sum((1, 2, 3))
        state[f"{conv}.weight"] = weight * std


def renew(model: Ladder, parts: list[str]) -> None:
    """Begin parts anew: a ConvGRU named as "C1.7x7" or a decoder block as "L2".

    What has saturated does not come back by training. The head forgets what it made of a new L1, so that the network
    starts without it rather than confused.
    Raises ValueError for a part that there is not.
    """
    fresh = Ladder(model.config)
    for path in parts:
        block, _, kernel = path.partition(".")
        place = ("laterals", block, "grus", kernel) if kernel else ("decoder", block)
        name = ".".join(place)
        if name not in dict(model.named_modules()):
            raise ValueError(f"there is no part {path!r} to begin anew: name a ConvGRU, e.g. C1.7x7, or L1 to L4")
        model.get_submodule(name).load_state_dict(fresh.get_submodule(name).state_dict())
        if path == "L1":
            model.head.first.weight.data[:, -model.config.lateral_width :] = 0


@torch.no_grad()
def share_memory(model: Ladder) -> None:
    """Let the 5x5 and 7x7 ConvGRUs of C1 begin as its 3x3: its kernels in the middle of theirs, and a third of what the
    head took from it from each. The network computes what it computed, and now has three memories to learn with, two of
    which can reach further."""
    lateral, head = model.laterals["C1"], model.head.first
    source, width = lateral.grus["3x3"], lateral.width
    for kernel in KERNELS[1:]:
        for name, conv in lateral.grus[kernel].named_children():
            taken = getattr(source, name)
            rim = (conv.kernel_size[0] - taken.kernel_size[0]) // 2
            conv.weight.copy_(F.pad(taken.weight, (rim, rim, rim, rim)))
            if conv.bias is not None:
                conv.bias.copy_(taken.bias)
    third = head.weight[:, width : 2 * width] / len(KERNELS)
    head.weight[:, width : 4 * width] = third.repeat(1, len(KERNELS), 1, 1)


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
