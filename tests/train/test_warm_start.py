"""train.warm_start: from one network to another."""

import pytest
import torch

from train.calibrate import calibrate
from train.warm_start import Start, load_encoder, renew, share_memory, warm_start
from vp.models import Ladder


def start_of(model) -> Start:
    return Start({name: value.clone() for name, value in model.state_dict().items()}, "somewhere", {}, {})


@torch.inference_mode()
def test_a_network_that_standardises_computes_what_the_one_it_came_from_did(make_ladder, make_config, moving_batch):
    style = {"head": "warp", "refine": 6, "norm": "group"}
    source = make_ladder(height=64, width=96, **style)
    model = Ladder(make_config(height=64, width=96, standardise=True, **style)).eval()
    frames = moving_batch(1, 4, 64, 96)
    load_encoder(model, start_of(source))
    calibrate(model, frames[0])
    warm_start(model, start_of(source))
    taken = [m.features(frames[0])[1] for m in (source, model)]
    assert torch.equal(*taken)
    gru = [m.laterals["C2"].grus["3x3"] for m in (source, model)]
    read = [taken[0], model.laterals["C2"].standardise(taken[1])]
    want, got = (g.project(x)[..., 1:-1, 1:-1] for g, x in zip(gru, read, strict=True))
    torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4)
    skips = [m.laterals["C3"] for m in (source, model)]
    deep = [m.features(frames[0])[2] for m in (source, model)]
    want, got = skips[0].skip(deep[0]), skips[1].skip(skips[1].standardise(deep[1]))
    torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4)


def test_the_full_resolution_ladder_takes_what_lies_one_level_finer(make_ladder):
    source = make_ladder(seed=1, gru_widths=(4, 4, 4, 4))
    model = make_ladder(seed=2, gru_widths=(2, 4, 4, 4), full_resolution=True)
    stem = model.stem.weight.clone()
    warm_start(model, start_of(source))
    for here, there in (("C2", "C1"), ("C3", "C2"), ("C4", "C3")):
        for kernel in ("3x3", "7x7"):
            ours, theirs = model.laterals[here].grus[kernel], source.laterals[there].grus[kernel]
            assert torch.equal(ours.input.weight, theirs.input.weight), (here, kernel)
    assert torch.equal(model.stem.weight, stem)


def test_a_convgru_that_begins_anew_leaves_the_others_alone(make_ladder):
    model = make_ladder()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    renew(model, ["C1.7x7", "C2.3x3"])
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {".".join(name.split(".")[1:4]) for name in changed} == {"C1.grus.7x7", "C2.grus.3x3"}
    with pytest.raises(ValueError, match="no part 'C9.3x3'"):
        renew(model, ["C9.3x3"])


def test_a_decoder_block_begins_anew_and_the_head_forgets_it(make_ladder):
    model = make_ladder(head="warp", refine=6, norm="layer")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    renew(model, ["L1", "L3"])
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {".".join(name.split(".")[:2]) for name in changed} == {"decoder.L1", "decoder.L3", "head.up"}
    weight = model.head.first.weight
    skipped = model.config.lateral_width
    assert not weight[:, -skipped:].any() and torch.equal(
        weight[:, :-skipped], before["head.up.conv.weight"][:, :-skipped]
    )


@torch.inference_mode()
def test_a_shared_memory_computes_what_one_did(make_ladder, moving_batch):
    model = make_ladder(head="warp", refine=6, norm="layer")
    width = model.laterals["C1"].width
    model.head.first.weight[:, 2 * width : 4 * width] = 0  # the head listens to the 3x3 alone
    frames = moving_batch(1, 4, 32, 64)
    before = model(frames)
    share_memory(model)
    after = model(frames, record=True)
    torch.testing.assert_close(after.frames, before.frames, rtol=0, atol=1e-5)
    torch.testing.assert_close(after.state["C1"]["7x7"], before.state["C1"]["3x3"], rtol=0, atol=1e-5)
    assert not torch.allclose(before.state["C1"]["7x7"], before.state["C1"]["3x3"], atol=1e-3)
