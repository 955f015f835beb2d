"""Where a network starts: ResNet-18 weights from ImageNet (paper section 3, "utilizing transfer learning"), or those of
an exported predictor."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_weights
from torchvision.models import ResNet18_Weights, resnet18

from vp.checkpoints.training import spent
from vp.models import Ladder
from vp.models.encoder import Encoder

LOCAL = Path(__file__).parents[3] / "shared" / "encoder" / "resnet18_imagenet_folded.safetensors"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file. Raises OSError without it, ValueError if it is no safetensors file."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}): copy or make it again") from None


def _fill(encoder: Encoder, path: Path, state: dict[str, Tensor], *, strict: bool) -> list[str]:
    """Load a state; the names it lacks. Raises ValueError if it is not an encoder's."""
    try:
        result = encoder.load_state_dict(state, strict=False)
    except RuntimeError:  # of another shape
        raise ValueError(f"{path} is not of this encoder, a ResNet-18 with folded batch norms") from None
    if result.unexpected_keys or (strict and result.missing_keys):
        names = ", ".join((result.unexpected_keys or result.missing_keys)[:3])
        raise ValueError(f"{path} is not of this encoder, a ResNet-18 with folded batch norms: see {names}")
    return result.missing_keys


def load_imagenet(encoder: Encoder) -> str:
    """Fill an encoder with ImageNet weights and say where they came from.

    A folded file (VP_ENCODER, or `../shared/encoder`) is taken first: it may lack `layer4`, which then keeps its
    initial weights and has to be trained. Otherwise torchvision downloads its weights and they are folded here.
    """
    named = os.environ.get("VP_ENCODER")
    path = Path(named or LOCAL)
    if named and not path.is_file():
        raise OSError(f"VP_ENCODER names {path}, where there is no file: name one of weights, or unset it")
    if path.is_file():
        missing = sorted({key.split(".")[0] for key in _fill(encoder, path, read_weights(path), strict=False)})
        return "ResNet-18 IMAGENET1K_V1, folded" + (f"; {', '.join(missing)} trained from scratch" if missing else "")
    try:
        original = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1).eval()
    except OSError as error:
        raise OSError(
            f"ImageNet's weights cannot be downloaded ({error}): connect once, or name a folder of checkpoints whose "
            "encoder to take with --encoder, or a file of weights with VP_ENCODER"
        ) from error
    encoder.load_state_dict(fold(original), strict=True)
    return "ResNet-18 IMAGENET1K_V1, folded"


def load_shared(encoder: Encoder, repository: Path) -> str:
    """Fill an encoder from a folder of checkpoints, so that a new predictor can be stored beside those in it. Returns
    where those weights came from."""
    path = Path(repository) / "encoder" / "model.safetensors"
    _fill(encoder, path, {name: value.float() for name, value in read_weights(path).items()}, strict=True)
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


def load_exported(model: Ladder, folder: Path) -> dict[str, float]:
    """Give a network the weights of an exported predictor of its shape; location maps are brought to its size. Returns
    the training that is in them (`spent`). Raises OSError without it, ValueError for one of another network."""
    state, path = model.state_dict(), folder / "model.safetensors"
    if not path.exists():
        raise OSError(f"{path} is missing: --start takes the folder of an exported predictor")
    for name, value in read_weights(path).items():
        if name not in state:
            raise ValueError(f"{path} is of another network: this one has no {name}")
        value = value.float()
        if name.endswith(".location") and value.shape != state[name].shape:
            value = F.interpolate(value, size=state[name].shape[-2:], mode="bilinear", align_corners=False)
        if value.shape != state[name].shape:
            raise ValueError(f"{path} is of another network: {name} has other shapes")
        state[name] = value
    model.load_state_dict(state)
    config = folder / "config.json"
    return spent(json.loads(config.read_text(encoding="utf-8")).get("training", {})) if config.exists() else {}
