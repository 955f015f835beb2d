"""The encoder: a ResNet-18 (He et al. 2015) tapped after each of its five stages.

The batch norms are folded into the convolutions, so the encoder cannot drift while it is frozen, has fewer
tensors to store and fewer passes over memory to make.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Channels of the taps e1 to e5, at strides 2, 4, 8, 16 and 32.
TAPS = (64, 64, 128, 256, 512)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def block_inputs(full_resolution: bool) -> tuple[int, int, int, int]:
    """Channels that C1 to C4 read: of the first four taps; at full resolution of a convolution at stride 1, as wide as
    the first, and of the first three (paper section 4.2)."""
    return (TAPS[0], *TAPS[:3]) if full_resolution else TAPS[:4]


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut: [N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        # A list of one, for the names that the weights have everywhere.
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride)) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + self.downsample(x))


class Encoder(nn.Module):
    """ResNet-18 with folded batch norms; parameter names are torchvision's plus a bias per convolution.

    Written out because importing torchvision takes as long as importing torch, and the app needs no more of it; a test
    holds it to torchvision's own.

    forward: frames [N, 3, H, W] in [0, 1], H and W multiples of 32
             -> five maps [N, TAPS[i], H / 2^(i+1), W / 2^(i+1)], each after its ReLU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.maxpool = nn.Conv2d(3, TAPS[0], 7, 2, 3), nn.MaxPool2d(3, 2, 1)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(Residual(inputs, outputs, 1 if inputs == outputs else 2), Residual(outputs, outputs, 1))
            for inputs, outputs in pairwise(TAPS)
        )
        for conv in (m for m in self.modules() if isinstance(m, nn.Conv2d)):
            # Uniform: normal numbers of a network that is shapes only make PyTorch import its compiler, two seconds.
            nn.init.kaiming_uniform_(conv.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        # Without batch norm, sixteen residual sums would grow by a factor of 2^8: each branch starts at zero.
        # (Weights from ImageNet replace this; it matters for stages that have none.)
        for block in (m for m in self.modules() if isinstance(m, Residual)):
            nn.init.zeros_(block.conv2.weight)

    def normalise(self, frames: Tensor) -> Tensor:
        """[N, 3, H, W] in [0, 1] -> ImageNet-normalised, in the precision of the weights."""
        # In fp32 whatever the weights are: bf16 has no more than 8 bits, the picture's own.
        mean = torch.tensor(IMAGENET_MEAN, device=frames.device).view(1, 3, 1, 1)
        std = torch.tensor(IMAGENET_STD, device=frames.device).view(1, 3, 1, 1)
        return ((frames.float() - mean) / std).to(self.conv1.weight.dtype)

    def fine(self, frames: Tensor) -> Tensor:
        """The first convolution at every pixel instead of every second: [N, 3, H, W] in [0, 1] -> [N, 64, H, W]."""
        conv = self.conv1
        return torch.relu(F.conv2d(self.normalise(frames), conv.weight, conv.bias, padding=conv.padding))

    def forward(self, frames: Tensor, count: int = len(TAPS)) -> list[Tensor]:
        """count: how many of the maps, from the first on; what lies deeper is not computed."""
        if not count:
            return []
        taps = [torch.relu(self.conv1(self.normalise(frames)))]
        x = self.maxpool(taps[0])
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4)[: count - 1]:
            x = stage(x)
            taps.append(x)
        return taps
