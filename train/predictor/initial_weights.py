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
from torch.nn.utils.fusion import fuse_conv_bn_eval
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


def _fill(encoder: Encoder, path: Path, *, strict: bool) -> list[str]:
    """Load a file of weights; the names it lacks. Raises OSError without it, ValueError if it is not an encoder's."""
    other = f"{path} is not of this encoder, a ResNet-18 with folded batch norms"
    try:
        missing, unexpected = encoder.load_state_dict(read_weights(path), strict=False)
    except RuntimeError:
        raise ValueError(f"{other}: its tensors have other shapes") from None
    if wrong := unexpected or (strict and missing):
        raise ValueError(f"{other}: see {', '.join(wrong[:3])}")
    return missing


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
        missing = sorted({key.split(".")[0] for key in _fill(encoder, path, strict=False)})
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
    _fill(encoder, repository / "encoder" / "model.safetensors", strict=True)
    return json.loads((repository / "encoder" / "config.json").read_text(encoding="utf-8"))["provenance"]


def fold(net: nn.Module) -> dict[str, Tensor]:
    """State of a torchvision ResNet-18 in eval mode with each batch norm folded into the convolution before it."""
    folded = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            convolution = name
        elif isinstance(module, nn.BatchNorm2d):
            fused = fuse_conv_bn_eval(net.get_submodule(convolution), module)
            folded |= {f"{convolution}.{leaf}": value for leaf, value in fused.state_dict().items()}
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
    return spent(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("training", {}))
