"""train.finer: a full-resolution ladder that starts where a half-resolution one has got to."""

import pytest
import torch

from train.finer import coarser_config, take_over_head
from train.warm_start import Start, warm_start
from vp.metrics import psnr

STYLE = {"head": "warp", "refine": 4, "norm": "layer", "activation": "silu", "decoder_width": 64, "lateral_width": 8}


def pair(make_ladder, **changes):
    """A half-resolution ladder and a full-resolution one that took over what it can."""
    source = make_ladder(seed=1, gru_widths=(4, 4, 4, 4), **STYLE)
    model = make_ladder(seed=2, gru_widths=(2, 4, 4, 4), full_resolution=True, **STYLE | changes)
    warm_start(model, Start(source.state_dict(), "", {}, {}))
    return source, model


@torch.inference_mode()
def test_it_predicts_what_the_other_predicts(make_ladder, moving_batch):
    source, model = pair(make_ladder)
    clips, fresh = moving_batch(24, 3, 64, 96), moving_batch(1, 3, 64, 96)
    wanted = source(fresh).frames

    def likeness() -> float:
        return psnr(model(fresh).frames.clamp(0, 1), wanted.clamp(0, 1)).mean().item()

    before = likeness()
    explained = take_over_head(model, source, clips)
    assert 0.5 < explained <= 1
    assert likeness() > before + 3


def test_everything_new_can_learn(make_ladder, moving_batch):
    source, model = pair(make_ladder)
    take_over_head(model, source, moving_batch(4, 3, 64, 96))
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):  # the head's weights on C1 come first, C1 itself follows
        optimiser.zero_grad()
        model(moving_batch(1, 3, 64, 96)).frames.square().mean().backward()
        optimiser.step()
    assert model.stem.weight.grad.abs().max() > 0
    assert model.laterals["C1"].grus["3x3"].input.weight.grad.abs().max() > 0


def test_the_source_is_built_from_its_state(make_ladder):
    source, model = pair(make_ladder)
    config = coarser_config(model.config, source.state_dict())
    assert config.gru_widths == (4, 4, 4, 4) and not config.full_resolution
    assert config.norm == "layer" and config.size == model.config.size


def test_a_head_that_does_not_fit_is_refused(make_ladder, moving_batch):
    source, model = pair(make_ladder, refine=0)
    with pytest.raises(ValueError, match="refined head"):
        take_over_head(model, source, moving_batch(1, 2, 64, 96))
    source, model = pair(make_ladder, decoder_width=16, lateral_width=2)
    with pytest.raises(ValueError, match="no room"):
        take_over_head(model, source, moving_batch(1, 2, 64, 96))
