"""vp.models.classifier: features from hidden states, and the network on them."""

import pytest
import torch

from vp.models import BLOCKS, KERNELS, StateClassifier, feature_count, preset, state_features


@pytest.mark.parametrize(("strategy", "count"), [("c4", 15_360), ("subsample", 10_080), ("c4+subsample", 25_440)])
def test_feature_counts_are_the_papers(strategy, count):
    assert preset("lvln").size == (128, 160)
    assert feature_count(preset("lvln"), strategy) == count


@torch.inference_mode()
@pytest.mark.parametrize("strategy", ["c4", "subsample", "c4+subsample"])
def test_feature_count_is_the_length_of_the_features(make_ladder, moving_batch, strategy):
    model = make_ladder()
    features = state_features(model(moving_batch(2, 2)).state, strategy)
    assert features.shape == (2, feature_count(model.config, strategy))
    assert features.std() > 0.01 and not torch.equal(features[0], features[1])


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
    assert torch.equal(state_features(numbered, "c4")[0], deepest)
    assert torch.equal(state_features(numbered, "subsample")[0], every_128th)
    assert torch.equal(state_features(numbered, "c4+subsample")[0], torch.cat([deepest, every_128th]))


def test_an_unknown_strategy_says_which_there_are(numbered):
    with pytest.raises(ValueError, match="c4, subsample"):
        state_features(numbered, "c5")


@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_classifier_learns_a_separable_problem(batch_norm):
    torch.manual_seed(0)
    labels = torch.arange(24) % 3
    features = torch.randn(3, 10)[labels] + 0.3 * torch.randn(24, 10)
    net = StateClassifier(features=10, classes=3, hidden=16, batch_norm=batch_norm)
    assert net.net[0].out_features == 16 and StateClassifier(features=10, classes=3).net[0].out_features == 2000
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(features), labels).backward()
        optimiser.step()
    assert net(features).shape == (24, 3)
    assert (net.eval()(features).argmax(1) == labels).float().mean() > 0.9
