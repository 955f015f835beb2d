"""The encoder: a ResNet-18 (He et al. 2015) tapped after each of its five stages.

The batch norms are folded into the convolutions, so the encoder cannot drift while it is frozen, has fewer
tensors to store and fewer passes over memory to make.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

# Channels of the taps e1 to e5, at strides 2, 4, 8, 16 and 32.
TAPS = (64, 64, 128, 256, 512)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """ResNet-18 with folded batch norms; parameter names are torchvision's plus a bias per convolution.

    forward: frames [N, 3, H, W] in [0, 1], H and W multiples of 32
             -> five maps [N, TAPS[i], H / 2^(i+1), W / 2^(i+1)], each after its ReLU.
    """

    def __init__(self) -> None:
        super().__init__()
        net = resnet18(weights=None, norm_layer=lambda _channels: nn.Identity())
        for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
            conv.bias = nn.Parameter(torch.zeros(conv.out_channels))
        self.conv1, self.maxpool = net.conv1, net.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = net.layer1, net.layer2, net.layer3, net.layer4
        # Without batch norm, sixteen residual sums would grow by a factor of 2^8: each branch starts at zero.
        # (Weights from ImageNet replace this; it matters for stages that have none.)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in stage:
                nn.init.zeros_(block.conv2.weight)

    def normalise(self, frames: Tensor) -> Tensor:
        """[N, 3, H, W] in [0, 1] -> ImageNet-normalised, in the precision of the weights."""
        # In fp32 whatever the weights are: bf16 has no more than 8 bits, the picture's own.
        mean = torch.tensor(IMAGENET_MEAN, device=frames.device).view(1, 3, 1, 1)
        std = torch.tensor(IMAGENET_STD, device=frames.device).view(1, 3, 1, 1)
        return ((frames.float() - mean) / std).to(self.conv1.weight.dtype)

    def forward(self, frames: Tensor) -> list[Tensor]:
        e1 = torch.relu(self.conv1(self.normalise(frames)))
        e2 = self.layer1(self.maxpool(e1))
        e3 = self.layer2(e2)
        e4 = self.layer3(e3)
        return [e1, e2, e3, e4, self.layer4(e4)]
