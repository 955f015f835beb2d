"""What single pictures say of a clip, for comparison with the memory: a ResNet-18's features, averaged over frames.

As in the usual linear probe: 8 frames of each clip at 128x160, maps averaged over their places, then over the frames.
One .npz for a set of clips: names, and [N, F] for "imagenet_layer3" (weights from ImageNet), "layer3" and "layer4" (the
encoder of the checkpoints).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp.models.encoder import Encoder
from vp.precision import choose_device, choose_dtype, place

from ..data.clip_files import ClipFile
from ..data.frame_cache import read_index
from ..predictor.initial_weights import load_imagenet

FRAMES = 8


def compute(encoder: Encoder, clips: list[ClipFile], cache: Path, file: Path) -> None:
    """Write the features of the clips that the cache holds. encoder: that of the checkpoints, in fp32."""
    original = Encoder()
    load_imagenet(original)
    device = choose_device()
    networks = [place(net.eval(), device, choose_dtype(device)) for net in (original, encoder)]
    index = read_index(cache)
    names = [clip.name for clip in clips if clip.name in index]
    rows: dict[str, list[Tensor]] = {"imagenet_layer3": [], "layer3": [], "layer4": []}
    for name in tqdm(names, desc=file.stem, unit="clip", mininterval=10):
        frames = np.load(cache / f"{name}.npy", mmap_mode="r")
        picked = frames[np.linspace(0, index[name][0] - 1, FRAMES).round().astype(int)]
        x = torch.from_numpy(np.ascontiguousarray(picked)).permute(0, 3, 1, 2).to(device).float() / 255
        with torch.inference_mode():
            theirs, ours = (net(x.contiguous(memory_format=torch.channels_last)) for net in networks)
        for row, maps in zip(rows.values(), (theirs[3], ours[3], ours[4]), strict=True):
            row.append(maps.float().mean((0, 2, 3)).cpu())
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, names=np.array(names), **{key: torch.stack(row).numpy() for key, row in rows.items()})


def load(file: Path, clips: list[ClipFile], key: str) -> np.ndarray:
    """Features [N, F] of clips, in their order. Raises KeyError for one that is not in the file."""
    with np.load(file) as stored:
        place = {str(name): i for i, name in enumerate(stored["names"])}
        return stored[key][[place[clip.name] for clip in clips]]
