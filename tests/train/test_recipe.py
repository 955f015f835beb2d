"""train.recipe and the recipes themselves."""

from dataclasses import fields

import pytest
import torch

from train.data import Augmentation
from train.losses import PredictionLoss
from train.recipe import FOLDER, Recipe, load_recipe
from vp.models import NAMES, ConfigError, Ladder, preset, trained_parameters
from vp.models.encoder import Encoder

RECIPES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_there_are_recipes():
    assert RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_recipe_loads_and_builds(name):
    recipe = load_recipe(name)
    config = recipe.config()
    assert recipe.model in NAMES
    with torch.device("meta"):
        assert trained_parameters(Ladder(config)) > (10**4 if name == "smoke" else 10**6)
    PredictionLoss(recipe.loss, Encoder())
    assert 1 <= recipe.seen[0] <= recipe.seen[1] and recipe.batch >= 1
    assert 0 < recipe.augmentation.scale[0] <= recipe.augmentation.scale[1] <= 1
    assert 0 < recipe.augmentation.fps[0] <= recipe.augmentation.fps[1]


@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_recipe_has_numbers_where_numbers_belong(name):
    recipe = load_recipe(name)  # YAML reads 8e-4 as a text
    for field in fields(Recipe):
        default, value = getattr(Recipe(model="lvln"), field.name), getattr(recipe, field.name)
        if isinstance(default, float):
            assert type(value) in (int, float), field.name
        elif field.name == "clips":
            assert value is None or type(value) is int
        elif field.name not in ("model", "variant", "data"):
            assert type(value) is type(default), field.name
    assert all(type(weight) in (int, float) for weight in recipe.loss.values())


@pytest.mark.parametrize("model", NAMES)
def test_the_papers_recipes_train_the_papers_networks(model):
    recipe = load_recipe(f"paper_{model}")
    assert recipe.config() == preset(model) and recipe.config().head == "rgb" and recipe.config().norm == "batch"
    assert recipe.curriculum == {0: (25, 25), 2000: (15, 15), 4000: (10, 10)}
    assert not recipe.every_step and not recipe.encoder_rate and recipe.optimiser == "adamw" and recipe.batch == 16
    assert sum(recipe.loss.values()) == pytest.approx(1)


def test_unknown_data_is_refused(write):
    with pytest.raises(ValueError, match="data must be one of ucf101, circle"):
        load_recipe(write("model: lvln\ndata: squares\n"))


def test_lists_become_tuples_and_the_rest_keeps_its_defaults(write):
    network = "network: {gru_widths: [1, 2, 3, 4], head: warp}"
    recipe = load_recipe(write(f"model: one_frame\nseen: [2, 4]\n{network}\naugmentation: {{fps: [8, 15]}}\n"))
    assert recipe.seen == (2, 4) and recipe.augmentation == Augmentation(fps=(8, 15))
    assert recipe.config().gru_widths == (1, 2, 3, 4) and recipe.config().head == "warp"
    assert (recipe.variant, recipe.batch, recipe.loss) == ("compact", 8, Recipe(model="lvln").loss)


def test_a_recipe_can_change_the_size_of_the_frame(write):
    assert load_recipe(write("model: lvln\nnetwork: {height: 32, width: 64}\n")).config().size == (32, 64)


def test_an_unknown_recipe_says_which_there_are():
    with pytest.raises(ValueError, match=rf"no recipe nothing.*{RECIPES[0]}"):
        load_recipe("nothing")


def test_unknown_fields_are_refused(write):
    with pytest.raises(ValueError, match="unknown fields learning_rat"):
        load_recipe(write("model: lvln\nlearning_rat: 0.1\n"))


def test_a_network_that_cannot_be_is_refused(write):
    with pytest.raises(ConfigError, match="head"):
        load_recipe(write("model: lvln\nnetwork: {head: flow}\n")).config()
