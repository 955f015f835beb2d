"""train.optimisers: who learns how fast."""

import pytest
import torch

from train.optimisers import OPTIMISERS, learning_rate, make_optimiser, set_rate
from train.recipe import Recipe


def shares(model, recipe) -> dict[str, float]:
    names = {id(p): name for name, p in model.named_parameters()}
    groups = make_optimiser(model, recipe).param_groups
    return {names[id(p)]: group["share"] for group in groups for p in group["params"]}


def test_a_frozen_encoder_is_in_no_group(make_ladder):
    model = make_ladder()
    found = shares(model, Recipe(model="one_frame"))
    assert set(found) == {name for name, _ in model.named_parameters() if not name.startswith("encoder.")}
    assert set(found.values()) == {1.0}
    assert not any(p.requires_grad for p in model.encoder.parameters())


def test_an_encoder_learns_at_its_share_and_its_new_layers_faster(make_ladder):
    found = shares(make_ladder(), Recipe(model="one_frame", encoder_rate=0.05))
    assert found["encoder.conv1.weight"] == 0.05 and found["encoder.layer4.0.conv1.weight"] == 0.5


def test_wide_sums_of_a_convgru_learn_in_inverse_proportion(make_ladder):
    model = make_ladder()
    found = shares(model, Recipe(model="one_frame", gru_fan_in=576))
    gru = "laterals.C1.grus.{}.{}.weight"
    assert found[gru.format("3x3", "input")] == 1  # 64 channels, 9 places
    assert found[gru.format("5x5", "input")] == pytest.approx(9 / 25)
    assert found[gru.format("7x7", "input")] == pytest.approx(9 / 49)
    assert found[gru.format("7x7", "gates")] == 1  # two channels, 49 places
    others = [name for name in found if ".grus." not in name or name.endswith("bias")]
    assert {found[name] for name in others} == {1.0}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_makes_a_step(make_ladder, moving_batch, name):
    model = make_ladder()
    optimiser = make_optimiser(model, Recipe(model="one_frame", optimiser=name))
    set_rate(optimiser, 0.01)
    before = model.head.output.weight.detach().clone()
    model(moving_batch(1, 2, 32, 64)).frames.sum().backward()
    optimiser.step()
    assert not torch.equal(before, model.head.output.weight)


def test_the_rate_rises_stays_and_falls_to_nothing():
    recipe = Recipe(model="one_frame", learning_rate=0.1, warmup=10)
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(0.01)
    assert learning_rate(recipe, 9, 0.1) == learning_rate(recipe, 500, 0.5) == pytest.approx(0.1)
    assert learning_rate(recipe, 500, 0.75) == pytest.approx(0.05)
    assert learning_rate(recipe, 500, 1.0) == 0
