"""vp.models.classifier: features from hidden states, and the network on them."""

import json

import pytest
import torch

from vp.models import (
    BLOCKS,
    KERNELS,
    ClassifierConfig,
    ConfigError,
    StateClassifier,
    feature_count,
    preset,
    step_features,
)
from vp.models.classifier import averaged
from vp.models.familiarity import Familiarity


@pytest.mark.parametrize(("strategy", "count"), [("c4", 15_360), ("subsample", 10_080), ("c4+subsample", 25_440)])
def test_feature_counts_are_the_papers(strategy, count):
    assert preset("lvln").size == (128, 160)
    assert feature_count(preset("lvln"), strategy) == count


@torch.inference_mode()
@pytest.mark.parametrize("strategy", ["c4", "subsample", "c4+subsample", "pooled"])
def test_feature_count_is_the_length_of_the_features(make_ladder, moving_batch, strategy):
    model = make_ladder()
    state = model(moving_batch(2, 2)).state
    features = step_features(strategy, state, state)
    assert features.shape == (2, feature_count(model.config, strategy))
    assert features.std() > 0.01 and not torch.equal(features[0], features[1])


@torch.inference_mode()
def test_pooled_reads_the_blocks_that_the_states_hold(make_ladder, moving_batch):
    model = make_ladder()
    state = model(moving_batch(1, 2)).state
    some = {block: state[block] for block in ("C2", "C4")}
    features, every = step_features("pooled", some, some), step_features("pooled", state, state)
    sizes = [feature_count(model.config, "pooled", (block,)) for block in BLOCKS]
    parts = every.split(sizes, dim=1)
    assert features.shape[1] == feature_count(model.config, "pooled", ("C2", "C4")) == sizes[1] + sizes[3]
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
    assert averaged("pooled") and not averaged("c4")


def config(**changes) -> ClassifierConfig:
    known = {"predictor": "lvln", "strategy": "c4", "features": 10, "classes": ("a", "b", "c"), "hidden": 16}
    return ClassifierConfig(**(known | changes))


@pytest.mark.parametrize("changes", [{}, {"batch_norm": False}, {"standardise": True, "dropout": 0.2}, {"hidden": 0}])
def test_the_classifier_learns_a_separable_problem(changes):
    torch.manual_seed(0)
    labels = torch.arange(24) % 3
    features = torch.randn(3, 10)[labels] + 0.3 * torch.randn(24, 10)
    net = StateClassifier(config(**changes))
    net.set_standard(features)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(features), labels).backward()
        optimiser.step()
    assert net(features).shape == (24, 3)
    assert (net.eval()(features).argmax(1) == labels).float().mean() > 0.9
    assert ClassifierConfig("lvln", "c4", 10, ("a", "b")).hidden == 2000  # the paper's


def test_a_higher_temperature_is_less_sure_of_the_same_class():
    torch.manual_seed(0)
    nets = [StateClassifier(config(temperature=t)).eval() for t in (1.0, 4.0)]
    nets[1].load_state_dict(nets[0].state_dict())
    features = 3 * torch.randn(5, 10)
    sharp, soft = (net.probabilities(features) for net in nets)
    assert torch.equal(sharp.argmax(1), soft.argmax(1)) and (soft.max(1).values < sharp.max(1).values).all()
    torch.testing.assert_close(soft.sum(1), torch.ones(5))


def test_strangeness_is_the_distance_to_the_nearest_training_clip():
    torch.manual_seed(0)
    clusters = torch.tensor([-40.0, 0.0, 40.0])[torch.arange(300) % 3]
    features = torch.randn(300, 10) * torch.linspace(1, 3, 10) + 5
    features[:, 0] += clusters
    net = StateClassifier(config(standardise=True, directions=4, remembered=300))
    net.set_standard(features)
    assert net.strangeness(features).max().item() < 1e-2
    # In the gap between the clusters: nearer the middle of all than the outer ones, yet like nothing seen.
    strange = features[1:2].clone()
    strange[0, 0] = 25
    near = features[:1] + 0.1
    assert net.strangeness(strange).item() > 3 * net.strangeness(near).item()
    far = net.strangeness(features[:1] + torch.tensor([[100.0], [200.0]]))
    assert 3 < far[0].item() < far[1].item()
    with pytest.raises(ValueError, match="300"):
        net.set_standard(features[:20])


def test_a_usual_difference_counts_alike_in_each_direction():
    torch.manual_seed(0)
    features = torch.randn(400, 6) * torch.tensor([9.0, 5.0, 3.0, 2.0, 1.0, 0.5])
    memory = Familiarity(6, 6, 400)
    memory.remember(features)
    assert memory.seen.std(0).tolist() == pytest.approx([1] * 6, abs=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"predictor": "x"}, {"strategy": "x"}, {"features": 0}, {"features": True}, {"classes": ("a",)},
        {"classes": ("a", "a")}, {"classes": ["a", "b"]}, {"classes": ("a", 3)}, {"hidden": -1}, {"hidden": 10**9},
        {"dropout": 1.0}, {"dropout": "x"}, {"temperature": 0}, {"temperature": float("nan")}, {"familiar": -1},
        {"directions": 3}, {"remembered": -1}, {"familiar": 2.0}, {"batch_norm": 1}, {"blocks": ()},
        {"blocks": ("C4", "C3"), "strategy": "pooled"}, {"blocks": ("C3", "C4")},
    ],
)  # fmt: skip
def test_a_configuration_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        config(**changes)


def test_a_configuration_survives_json():
    given = config(
        temperature=1.5, familiar=2.5, directions=2, remembered=9, standardise=True, strategy="pooled",
        blocks=("C3", "C4"),
    )  # fmt: skip
    assert ClassifierConfig.from_dict(json.loads(json.dumps(given.to_dict()))) == given
    for wrong, word in (
        (given.to_dict() | {"colour": 1}, "colour"), ({"predictor": "lvln"}, "missing"), ([], "object"),
        (given.to_dict() | {"classes": "ab"}, "classes"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=word):
            ClassifierConfig.from_dict(wrong)
