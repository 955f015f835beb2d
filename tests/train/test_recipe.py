"""train.predictor.recipe and the recipes themselves."""

from dataclasses import fields, replace

import pytest
import torch

from train.data.batches import Augmentation
from train.predictor.losses import PredictionLoss
from train.predictor.recipe import OPTIMISERS, TRAIN, Recipe, load_recipe, shipped
from train.predictor.run import make_optimisers
from vp.models import NAMES, ConfigError, build, preset, trained_parameters

RECIPES = sorted(shipped("predictor"))


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_there_are_recipes_of_the_product_and_of_the_findings():
    folders = {path.parent.relative_to(TRAIN).as_posix() for path in shipped("predictor").values()}
    assert folders == {"predictor/recipes", "findings/recipes/predictor"}
    assert len(RECIPES) == sum(len(list((TRAIN / folder).glob("*.yaml"))) for folder in folders)  # no name twice


@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_recipe_loads_and_builds(name):
    recipe = load_recipe(name)
    config = recipe.config()
    assert recipe.model in NAMES
    with torch.device("meta"):
        model = build(config)
    assert trained_parameters(model) > (10**4 if name == "smoke" else 10**6)
    assert recipe.optimiser in OPTIMISERS
    optimised = [p for o in make_optimisers(model, recipe) for group in o.param_groups for p in group["params"]]
    frozen = {id(p) for p in model.parameters() if not p.requires_grad}
    assert len(optimised) == len({id(p) for p in optimised}) == len(list(model.parameters())) - len(frozen)
    PredictionLoss(recipe.loss)
    assert recipe.seen >= 1 and recipe.batch >= 1
    assert 0 < recipe.augmentation.scale[0] <= recipe.augmentation.scale[1] <= 1
    assert 0 < recipe.augmentation.fps[0] <= recipe.augmentation.fps[1]


def test_a_recipe_builds_on_another(write, tmp_path):
    recipe, base = load_recipe(write("base: one_frame_finish\nmodel: lvln\nseen: 4\n")), load_recipe("one_frame_finish")
    assert recipe == replace(base, model="lvln", seen=4) and base.seen == 5
    (tmp_path / "other.yaml").write_text(f"base: {tmp_path / 'recipe.yaml'}\nbatch: 3\n", encoding="utf-8")
    assert load_recipe(tmp_path / "other.yaml") == replace(recipe, batch=3)


@pytest.mark.parametrize("base", ["nothing", "[1]", "none.yaml"])
def test_a_base_that_is_none_is_named(write, base):
    with pytest.raises(ValueError, match=rf"recipe.yaml: base: no recipe .*{base[1:3]}.*one_frame"):
        load_recipe(write(f"base: {base}\n"))


def test_a_recipe_on_itself_is_refused(write, tmp_path):
    with pytest.raises(ValueError, match="builds on itself"):
        load_recipe(write(f"base: {tmp_path / 'recipe.yaml'}\n"))


def test_what_it_does_without_must_be_there(write):
    assert [str(part) for part in load_recipe("without_C4").silenced()] == ["C4"]
    with pytest.raises(ValueError, match="'C5' names no part of the network"):
        load_recipe(write("model: lvln\nsilence: [C5]\n"))


def test_some_parts_learn_and_the_others_stay():
    recipe = Recipe(model="one_frame", trained=("decoder.", "blend."))
    with torch.device("meta"):
        model = build(recipe.config())
    optimised = {id(p) for o in make_optimisers(model, recipe) for group in o.param_groups for p in group["params"]}
    parts = {name.split(".")[0] for name, p in model.named_parameters() if id(p) in optimised}
    assert parts == {"decoder", "blend"}
    assert len(optimised) == len([*model.decoder.parameters(), *model.blend.parameters()])
    with pytest.raises(ValueError, match="head is no part of the network; there are encoder, .*blend"):
        make_optimisers(model, replace(recipe, trained=("head",)))


@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_recipe_has_numbers_where_numbers_belong(name):
    recipe = load_recipe(name)  # YAML reads 8e-4 as a text
    for field in fields(Recipe):
        default, value = getattr(Recipe(model="lvln"), field.name), getattr(recipe, field.name)
        if isinstance(default, float):
            assert type(value) in (int, float), field.name
        elif field.name == "clips":
            assert value is None or type(value) is int
        elif field.name not in ("model", "design", "data", "optimiser"):
            assert type(value) is type(default), field.name
    assert all(type(weight) in (int, float) for weight in recipe.loss.values())


@pytest.mark.parametrize("model", NAMES)
def test_the_papers_recipes_train_the_papers_networks(model):
    recipe = load_recipe(f"published_{model}")
    assert recipe.config() == preset(model) and recipe.config().design == "paper"
    assert not recipe.every_step and recipe.optimiser == "adamw" and recipe.batch == 16
    assert sum(recipe.loss.values()) == pytest.approx(1)


def test_unknown_data_is_refused(write):
    with pytest.raises(ValueError, match="data must be one of ucf101, circle"):
        load_recipe(write("model: lvln\ndata: squares\n"))


def test_lists_become_tuples_and_the_rest_keeps_its_defaults(write):
    network = "network: {gru_widths: [1, 2, 3, 4], decoder_width: 32}"
    recipe = load_recipe(write(f"model: one_frame\nseen: 4\n{network}\naugmentation: {{fps: [8, 15]}}\n"))
    assert recipe.seen == 4 and recipe.augmentation == Augmentation(fps=(8, 15))
    assert recipe.config().gru_widths == (1, 2, 3, 4) and recipe.config().decoder_width == 32
    assert (recipe.design, recipe.batch, recipe.loss) == ("motion", 8, Recipe(model="lvln").loss)


def test_a_recipe_can_change_the_size_of_the_frame(write):
    assert load_recipe(write("model: lvln\nnetwork: {height: 32, width: 64}\n")).config().size == (32, 64)


def test_an_unknown_recipe_says_which_there_are():
    with pytest.raises(ValueError, match=rf"no recipe nothing.*{RECIPES[0]}"):
        load_recipe("nothing")


def test_numbers_are_read_however_yaml_takes_them(write):
    text = "model: lvln\nsteps: 1e5\nbatch: 4.0\nlearning_rate: 8e-4\nloss: {psnr: 1}\nclips: null\nwarmup: 0x10\n"
    recipe = load_recipe(write(text))
    assert (recipe.steps, recipe.batch, recipe.learning_rate, recipe.clips) == (100_000, 4, 8e-4, None)
    assert type(recipe.batch) is type(recipe.steps) is int and recipe.loss == {"psnr": 1.0} and recipe.warmup == 16


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batch: 2.5", "batch: should be a whole number, greater than or equal to 1, not 2.5"),
        ("batch: true", "batch: should be a whole number.*not True"),
        ("clips: some", "clips: should be a whole number.*not 'some'"),
        ("clips: 0", "clips: should be a whole number, greater than or equal to 1, not 0"),
        ("clips: -3", "clips: should be a whole number, greater than or equal to 1, not -3"),
        ("learning_rate: .inf", "learning_rate: should be a number, greater than 0, not inf"),
        ("learning_rate: 1" + 400 * "0", "learning_rate: should be a number, greater than 0, not 1000"),
        ("weight_decay: .nan", "weight_decay: should be a number.*not nan"),
        ("ema: 1", "ema: should be a number, from 0 to below 1, not 1"),
        ("every_step: maybe", "every_step: should be true or false, not 'maybe'"),
        ("every_step: 1", "every_step: should be true or false, not 1"),
        ("data: 5", "data: should be a text, not 5"),
        ("optimiser: [muon]", r"optimiser: should be a text, not \['muon'\]"),
        ("seen: [4, 4]", r"seen: should be a whole number.*not \[4, 4\]"),
        ("network: {gru_widths: 4}", "network: gru_widths must hold one int for each"),
        ("augmentation: {fps: [1, 2, 3]}", r"augmentation.fps: should be a list of 2, not \[1, 2, 3\]"),
        ("augmentation: {fps: [1, two]}", "augmentation.fps.1: should be a number.*not 'two'"),
        ("loss: psnr", "loss: should be names and values, not 'psnr'"),
        ("loss: {psnr: -1}", "loss.psnr: should be a number, greater than or equal to 0, not -1"),
        ("network: [64, 64]", "network: should be names and values"),
        ("augmentation: strong", "augmentation: should be fields"),
        ("augmentation: {flip: 2}", "augmentation.flip: should be true or false, not 2"),
        ("augmentation: {scale: [0.5]}", "augmentation.scale: should be a list of 2"),
        ("augmentation: {mirror: true}", "augmentation: unknown fields mirror; there are scale"),
    ],
)
def test_a_value_that_a_field_cannot_have_is_named(write, line, message):
    with pytest.raises(ValueError, match=message) as refused:
        load_recipe(write(f"model: lvln\n{line}\n"))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


def test_a_recipe_says_which_network(write):
    with pytest.raises(ValueError, match="model is missing"):
        load_recipe(write("batch: 2\n"))


def test_unknown_fields_are_refused(write):
    with pytest.raises(ValueError, match="unknown fields learning_rat"):
        load_recipe(write("model: lvln\nlearning_rat: 0.1\n"))


def test_a_network_that_cannot_be_is_refused(write):
    with pytest.raises(ConfigError, match="upsampling"):
        load_recipe(write("model: lvln\nnetwork: {upsampling: none}\n")).config()
