"""train.lesions: ConvGRUs that fall silent by chance while training."""

import pytest
import torch

from train.lesions import random_lesions
from train.losses import PredictionLoss
from train.objective import Objective
from vp.models import BLOCKS, KERNELS


def draw(config, batch=64, share=0.25, seed=0, **more):
    return random_lesions(config, batch, share, torch.Generator().manual_seed(seed), torch.device("cpu"), **more)


def silent(masks) -> torch.Tensor:
    """[ConvGRUs, clips]: which are silent."""
    return torch.stack([masks[block].grus[kernel][:, 0, 0, 0] == 0 for block in BLOCKS for kernel in KERNELS])


def test_each_convgru_is_silent_on_its_share_of_the_clips(tiny_config):
    masks = draw(tiny_config, batch=400)
    found = silent(masks)
    assert found.float().mean() == pytest.approx(0.25, abs=0.03)
    assert (found.float().mean(1) - 0.25).abs().max() < 0.1
    assert len({tuple(row.tolist()) for row in found}) == len(found)  # each by its own draw
    for block in BLOCKS:
        assert masks[block].skip.all() and masks[block].location.all()


def test_processes_share_the_masks_of_one_batch(tiny_config):
    whole = silent(draw(tiny_config))
    for rank in range(2):
        assert torch.equal(silent(draw(tiny_config, mine=slice(rank, None, 2))), whole[:, rank::2])


def test_what_is_silent_learns_nothing_and_the_others_do(make_ladder, moving_batch):
    model = make_ladder(head="residual", refine=4, norm="layer").train()
    masks = draw(model.config, batch=1, share=0.5)
    clips = moving_batch(1, 4, 32, 64)
    loss, _ = Objective(model, PredictionLoss({"l2": 1.0}))(clips, 3, 0, masks)
    loss.backward()
    names = [(block, kernel) for block in BLOCKS for kernel in KERNELS]
    found = silent(masks)[:, 0]
    assert found.any() and not found.all()
    for (block, kernel), gone in zip(names, found, strict=True):
        gradient = model.laterals[block].grus[kernel].input.weight.grad
        assert gone == (not gradient.any()), (block, kernel)


def test_masks_take_the_number_format_of_the_features(make_ladder, moving_batch):
    model = make_ladder(head="residual", refine=4, norm="layer").bfloat16()
    out = model(moving_batch(2, 3, 32, 64), kept=draw(model.config, batch=2))
    assert out.frames.dtype == torch.float32 and out.state["C1"]["3x3"].dtype == torch.bfloat16
