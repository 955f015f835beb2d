"""Where a network starts: ResNet-18 weights from ImageNet (paper section 3, "utilizing transfer learning"), or those of
an exported predictor."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_weights
from torchvision.models import ResNet18_Weights, resnet18

from vp.models import Ladder
from vp.models.encoder import Encoder

LOCAL = Path(__file__).parents[3] / "shared" / "encoder" / "resnet18_imagenet_folded.safetensors"


def load_imagenet(encoder: Encoder) -> str:
    """Fill an encoder with ImageNet weights and say where they came from.

    A folded file (VP_ENCODER, or `../shared/encoder`) is taken first: it may lack `layer4`, which then keeps its
    initial weights and has to be trained. Otherwise torchvision downloads its weights and they are folded here.
    """
    path = Path(os.environ.get("VP_ENCODER", LOCAL))
    if path.exists():
        tensors = load_file(path)
        result = encoder.load_state_dict(tensors, strict=False)
        if result.unexpected_keys:
            raise ValueError(f"{path} holds tensors that are not the encoder's: {result.unexpected_keys[:3]}")
        missing = sorted({key.split(".")[0] for key in result.missing_keys})
        return "ResNet-18 IMAGENET1K_V1, folded" + (f"; {', '.join(missing)} trained from scratch" if missing else "")
    encoder.load_state_dict(fold(resnet18(weights=ResNet18_Weights.IMAGENET1K_V1).eval()), strict=True)
    return "ResNet-18 IMAGENET1K_V1, folded"


def load_shared(encoder: Encoder, repository: Path) -> str:
    """Fill an encoder from a folder of checkpoints, so that a new predictor can be stored beside those in it. Returns
    where those weights came from."""
    state = load_file(Path(repository) / "encoder" / "model.safetensors")
    encoder.load_state_dict({name: value.float() for name, value in state.items()}, strict=True)
    return json.loads((Path(repository) / "encoder" / "config.json").read_text(encoding="utf-8"))["provenance"]


def fold(net: nn.Module) -> dict:
    """State of a torchvision ResNet-18 with each batch norm folded into the convolution before it."""
    modules = dict(net.named_modules())
    folded = {}
    for name, conv in modules.items():
        if not isinstance(conv, nn.Conv2d):
            continue
        prefix, _, leaf = name.rpartition(".")
        norm = f"{prefix}.1" if leaf == "0" else f"{prefix}.{leaf}".lstrip(".").replace("conv", "bn")
        bn = modules[norm]
        weight, bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
        )
        folded[f"{name}.weight"], folded[f"{name}.bias"] = weight.detach(), bias.detach()
    return folded


def load_exported(model: Ladder, folder: Path) -> None:
    """Give a network the weights of an exported predictor of its shape; location maps are brought to its size."""
    state, path = model.state_dict(), folder / "model.safetensors"
    if not path.exists():
        raise SystemExit(f"{path} is missing: --start takes the folder of an exported predictor")
    for name, value in load_file(path).items():
        if name not in state:
            raise SystemExit(f"{path} is of another network: this one has no {name}")
        value = value.float()
        if name.endswith(".location") and value.shape != state[name].shape:
            value = F.interpolate(value, size=state[name].shape[-2:], mode="bilinear", align_corners=False)
        if value.shape != state[name].shape:
            raise SystemExit(f"{path} is of another network: {name} has other shapes")
        state[name] = value
    model.load_state_dict(state)
