"""What single pictures say of a clip, for comparison with the memory: a ResNet-18's features, averaged over frames.

As in the usual linear probe: 8 frames of each clip at 128x160, maps averaged over their places, then over the frames.
One .npz for a set of clips: names, and [N, F] for "imagenet_layer3" (weights from ImageNet), "layer3" and "layer4" (the
encoder of the checkpoints).
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from tqdm import tqdm

from vp.checkpoints import CheckpointSource
from vp.models.encoder import Encoder
from vp.precision import choose_device, choose_dtype, place

from ..data.clip_files import ClipFile, find_data
from ..data.frame_cache import build, read_index
from ..predictor.initial_weights import load_imagenet

FRAMES = 8


def load(args: argparse.Namespace, source: CheckpointSource, clips: list[ClipFile], part: str) -> dict[str, np.ndarray]:
    """Features [N, F] of clips, in their order, by name. They are kept in a file for each part, "training" or "test",
    and computed where there is none of these clips."""
    digest = source.config(args.model)["encoder_sha256"][:12]
    file = args.features / f"pictures-{digest}-{part}.npz"
    names = [clip.name for clip in clips]
    if file.exists():
        with np.load(file) as stored:
            if stored["names"].tolist() == names:
                return {key: stored[key] for key in stored if key != "names"}
    build(clips, args.cache, hub=find_data(args.data)[1])
    original = Encoder()
    load_imagenet(original)
    device = choose_device()
    encoders = (original, source.load(args.model).encoder)
    networks = [place(net.eval(), device, choose_dtype(device)) for net in encoders]
    index = read_index(args.cache)
    rows: dict[str, list[np.ndarray]] = {"imagenet_layer3": [], "layer3": [], "layer4": []}
    for name in tqdm(names, desc=file.stem, unit="clip", mininterval=10):
        frames = np.load(args.cache / f"{name}.npy", mmap_mode="r")
        picked = frames[np.linspace(0, index[name][0] - 1, FRAMES).round().astype(int)]
        x = torch.from_numpy(picked).permute(0, 3, 1, 2).to(device).float() / 255
        with torch.inference_mode():
            theirs, ours = (net(x.contiguous(memory_format=torch.channels_last)) for net in networks)
        for row, maps in zip(rows.values(), (theirs[3], ours[3], ours[4]), strict=True):
            row.append(maps.float().mean((0, 2, 3)).cpu().numpy())
    features = {key: np.stack(row) for key, row in rows.items()}
    np.savez(file, names=np.array(names), **features)
    return features
