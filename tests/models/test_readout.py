"""vp.models.readout: what the classifier reads of hidden states."""

import pytest
import torch

from vp.models import BLOCKS, KERNELS, clip_features, feature_count, preset, reads_every_step, step_features
from vp.models.readout import OVER_PARTS, cut


@pytest.mark.parametrize(("strategy", "count"), [("c4", 15_360), ("subsample", 10_080), ("c4+subsample", 25_440)])
def test_feature_counts_are_the_papers(strategy, count):
    assert preset("lvln").size == (128, 160)
    assert feature_count(preset("lvln"), strategy) == count


@torch.inference_mode()
@pytest.mark.parametrize("design", ["paper", "motion"])
@pytest.mark.parametrize("strategy", ["c4", "subsample", "c4+subsample", "pooled"])
def test_feature_count_is_the_length_of_the_features(make_ladder, moving_batch, strategy, design):
    model = make_ladder(design=design)
    state = model(moving_batch(2, 2)).state.memory
    features = step_features(strategy, state, state)
    assert clip_features(strategy, features).shape == (feature_count(model.config, strategy),)
    assert features.std() > 0.01 and not torch.equal(features[0], features[1])


@torch.inference_mode()
def test_pooled_reads_the_blocks_that_the_states_hold(make_ladder, moving_batch):
    model = make_ladder()
    state = model(moving_batch(1, 2)).state.memory
    some = {block: state[block] for block in ("C2", "C4")}
    features, every = step_features("pooled", some, some), step_features("pooled", state, state)
    counts = [feature_count(model.config, "pooled", (block,)) for block in BLOCKS]
    sizes = [count // OVER_PARTS for count in counts]
    parts = every.split(sizes, dim=1)
    assert features.shape[1] == sizes[1] + sizes[3]
    assert feature_count(model.config, "pooled", ("C2", "C4")) == counts[1] + counts[3]
    assert torch.equal(features, torch.cat([parts[1], parts[3]], dim=1))


@pytest.fixture
def numbered() -> dict:
    """A state whose every number is its position in C1, ..., C4."""
    state, start = {}, 0
    for block, side in zip(BLOCKS, (16, 8, 4, 2), strict=True):
        state[block] = {}
        for kernel in KERNELS:
            numbers = torch.arange(start, start + 2 * side * side, dtype=torch.float64).view(1, 2, side, side)
            # In memory as the network leaves it; the features must not depend on that.
            state[block][kernel] = numbers.contiguous(memory_format=torch.channels_last)
            start += numbers.numel()
    return state


def test_c4_is_all_of_the_deepest_block_and_the_subsample_every_128th_of_the_others(numbered):
    before_c4 = 3 * 2 * (16**2 + 8**2 + 4**2)
    deepest = torch.arange(before_c4, before_c4 + 3 * 2 * 2**2).float()
    every_128th = torch.arange(0, before_c4, 128).float()
    assert torch.equal(step_features("c4", numbered, numbered)[0], deepest)
    assert torch.equal(step_features("subsample", numbered, numbered)[0], every_128th)
    assert torch.equal(step_features("c4+subsample", numbered, numbered)[0], torch.cat([deepest, every_128th]))


def test_an_unknown_strategy_says_which_there_are(numbered):
    with pytest.raises(ValueError, match="c4, subsample"):
        step_features("c5", numbered, numbered)


def test_pooled_is_mean_quarters_size_change_and_extremes_of_every_filter():
    maps = {b: {k: torch.zeros(1, 1, 4, 4) for k in KERNELS} for b in BLOCKS}
    before = {b: {k: torch.zeros(1, 1, 4, 4) for k in KERNELS} for b in BLOCKS}
    maps["C1"]["3x3"][0, 0, :2, 2:] = 0.8  # the upper right quarter
    before["C1"]["3x3"][0, 0, :2, 2:] = 0.6
    maps["C1"]["3x3"][0, 0, 3, 0] = before["C1"]["3x3"][0, 0, 3, 0] = -0.4
    first = step_features("pooled", maps, before)[0]
    assert len(first) == 12 * 9
    size = (4 * 0.8**2 + 0.4**2) ** 0.5 / 4
    expected = torch.tensor([0.175, 0, 0.8, -0.1, 0, size, 0.05, 0.8, -0.4])
    torch.testing.assert_close(first[:9], expected, atol=1e-4, rtol=0)
    assert first[9:].abs().max() < 1e-3
    assert reads_every_step("pooled") and not reads_every_step("c4")


def test_a_clip_is_its_last_step_for_the_paper_and_its_parts_for_ours():
    steps = torch.arange(24.0).view(12, 2) ** 2
    assert torch.equal(clip_features("c4+subsample", steps), steps[-1])
    parts, lengths = cut(steps)
    assert lengths.tolist() == [2, 2] + [1] * 8 and torch.equal(parts[0], steps[:2].mean(0))
    mean, spread, highest, lowest = clip_features("pooled", steps).split(2)
    torch.testing.assert_close(mean, steps.mean(0))
    torch.testing.assert_close(spread, parts.std(0, correction=0))
    assert torch.equal(highest, parts.amax(0)) and torch.equal(lowest, parts.amin(0))


def test_a_clip_of_one_frame_has_a_gradient():
    step = torch.ones(1, 3, requires_grad=True)
    clip_features("pooled", step).sum().backward()
    assert step.grad.tolist() == [[3.0] * 3]  # mean, highest and lowest; nothing spreads
