"""vp.models.motion_ladder.Standardise, and what `MotionLadder.calibrate` sets with it."""

import pytest
import torch

from vp.models import BLOCKS
from vp.models.motion_ladder import Standardise


def test_it_takes_out_mean_and_spread():
    layer = Standardise(3)
    x = torch.rand(4, 3, 5, 6) * torch.tensor([1.0, 5.0, 0.0]).view(1, 3, 1, 1) + 2
    assert torch.equal(layer(x), x)  # until it is set
    layer.calibrate(x)
    y = layer(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.std((0, 2, 3)), torch.tensor([1.0, 1.0, 0.0]), rtol=1e-3, atol=1e-4)
    assert layer(x.bfloat16()).dtype == torch.bfloat16


@torch.inference_mode()
@pytest.mark.parametrize("full_resolution", [False, True])
def test_calibration_centres_what_every_block_reads_and_nothing_else_changes(
    make_ladder, moving_batch, full_resolution
):
    model = make_ladder(design="motion", full_resolution=full_resolution)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    frames = moving_batch(2, 6, 32, 64).flatten(0, 1)
    model.calibrate(frames)
    for block, y in model.observe(frames, batch=12).inputs.items():
        spread = y.std((0, 2, 3))
        alive = (spread - 1).abs() < 1e-2
        assert alive.sum() > len(spread) / 2, block
        assert y.mean((0, 2, 3))[alive].abs().max() < 1e-3
        assert spread[~alive].numel() == 0 or spread[~alive].max() < 1e-2  # what never says anything keeps its size
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    wanted = {f"standardise.{b}.{s}" for b in BLOCKS for s in ("mean", "std")}
    assert changed == wanted | {f"matchers.{b}.project.weight" for b in BLOCKS}
