"""vp.models.classifier: the network on the features."""

import json

import pytest
import torch

from vp.models import ClassifierConfig, ConfigError, StateClassifier
from vp.models.classifier import Familiarity, calibrated


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


def test_a_soft_cap_holds_the_scores_and_keeps_their_order():
    logits = torch.tensor([[0.1, 0.2, 40.0, 50.0]])
    held = calibrated(logits, 2.0, 3.0)
    assert held.argsort().tolist() == logits.argsort().tolist()
    assert held[0, 2].item() == pytest.approx(held[0, 3].item(), abs=1e-4)
    torch.testing.assert_close(held.log().diff()[0, 0], torch.tensor(0.05), rtol=0.01, atol=0)  # small ones stay
    torch.testing.assert_close(calibrated(logits, 2.0, None), torch.softmax(logits / 2, 1))


def test_distance_is_to_the_nearest_training_clip():
    torch.manual_seed(0)
    clusters = torch.tensor([-40.0, 0.0, 40.0])[torch.arange(300) % 3]
    features = torch.randn(300, 10) * torch.linspace(1, 3, 10) + 5
    features[:, 0] += clusters
    net = StateClassifier(config(standardise=True, directions=4, remembered=300))
    net.set_standard(features)
    assert net.distance(features).max().item() < 1e-2
    # In the gap between the clusters: nearer the middle of all than the outer ones, yet like nothing seen.
    strange = features[1:2].clone()
    strange[0, 0] = 25
    near = features[:1] + 0.1
    assert net.distance(strange).item() > 3 * net.distance(near).item()
    far = net.distance(features[:1] + torch.tensor([[100.0], [200.0]]))
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
        {"soft_cap": 0}, {"directions": 3}, {"remembered": -1}, {"familiar": 2.0}, {"batch_norm": 1}, {"blocks": ()},
        {"blocks": ("C4", "C3"), "strategy": "streams"}, {"blocks": ("C3", "C4")},
    ],
)  # fmt: skip
def test_a_configuration_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        config(**changes)


def test_a_configuration_survives_json():
    given = config(
        temperature=1.5, soft_cap=9.0, familiar=2.5, directions=2, remembered=9, standardise=True, strategy="streams",
        blocks=("C3", "C4"),
    )  # fmt: skip
    assert ClassifierConfig.from_dict(json.loads(json.dumps(given.to_dict()))) == given
    for wrong, word in (
        (given.to_dict() | {"colour": 1}, "colour"), ({"predictor": "lvln"}, "missing"), ([], "object"),
        (given.to_dict() | {"classes": "ab"}, "classes"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=word):
            ClassifierConfig.from_dict(wrong)
