"""train.classifier, fit_classifier and evaluate_classifier: from clips to a classifier that the app loads."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

pytest.importorskip("sklearn", reason="training needs train/requirements.txt")

from train import evaluate_classifier, fit_classifier
from train.classifier import features
from train.classifier.classifier_recipe import ClassifierRecipe, load_classifier_recipe
from train.classifier.fitting import HIGHEST, HOTTEST, Examples, calibrate, calibration_error, fit, fold_of
from train.data.clip_files import find_clips
from train.data.splits import select
from train.evaluation.classifier_baselines import named_shares
from train.findings import cue_accuracy
from vp.action_classifier import load_classifier
from vp.checkpoints import open_checkpoints, save_encoder, save_predictor
from vp.models import BLOCKS, StateClassifier, paper_features
from vp.models.classifier import calibrated
from vp.models.classifier_inputs import PARTS

RECIPE = (
    "network: {strategy: streams, blocks: [C1, C2], hidden: 0, standardise: true, directions: 3}\n"
    "optimiser: ridge\nweight_decay: 0.001\n"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory, make_ladder, write_video):
    """Clips of two actions (stripes that move, stripes that stand), tiny checkpoints, a recipe."""
    home = tmp_path_factory.mktemp("classifier")
    t, y, x = np.ogrid[:30, :64, :80]
    for group in (1, 2, 8, 9, 10, 11, 12, 13):  # 1 and 2 are for test
        for label, speed in (("Moving", 0.9), ("Still", 0.0)):
            wave = 128 + 100 * np.sin(0.5 * x + speed * t + group + 0 * y)
            clip = np.repeat(wave[..., None], 3, axis=3).astype(np.uint8)
            write_video(home / "data" / label / f"v_{label}_g{group:02d}_c01.mp4", clip, fps=20)
    ladder = make_ladder(design="motion")
    save_encoder(home / "checkpoints", ladder, provenance="random numbers")
    save_predictor(home / "checkpoints", "one_frame", ladder, training={}, scores={})
    save_file(ladder.encoder.state_dict(), home / "encoder.safetensors")
    (home / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return home


def arguments(home) -> list[str]:
    places = {"data": "data", "checkpoints": "checkpoints", "cache": "cache", "features": "features"}
    return ["--model=one_frame", "--workers=1", *(f"--{name}={home / place}" for name, place in places.items())]


def run(module, monkeypatch, *args: str) -> None:
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, args)])
    module.main()


@pytest.fixture(scope="module")
def fitted(home):
    with pytest.MonkeyPatch.context() as patch:
        run(fit_classifier, patch, home / "recipe.yaml", *arguments(home))
    return home


def test_features_are_those_of_the_whole_clip_and_are_kept(fitted, monkeypatch):
    folder = next((fitted / "features").glob("one_frame-*"))
    stored = np.load(folder / "v_Moving_g08_c01.npz")
    assert stored["steps"].sum() == 15  # 30 frames at 20 a second, watched at 10
    assert len(stored["steps"]) == PARTS
    clips = [c for c in find_clips(fitted / "data") if c.name == "v_Moving_g08_c01"]
    whole = features.load_features(folder, clips, "streams")[0]
    expected = (stored["streams"].astype(np.float32) * stored["steps"][:, None]).sum(0) / 15
    np.testing.assert_allclose(whole.numpy()[: len(expected)], expected, atol=1e-5)
    # Not computed twice.
    monkeypatch.setattr(features, "compute", lambda *_, **__: pytest.fail("computed again"))
    run(fit_classifier, monkeypatch, fitted / "recipe.yaml", *arguments(fitted))


@pytest.mark.parametrize("design", ["paper", "motion"])
def test_the_papers_features_are_of_the_state_after_the_last_frame(make_ladder, moving_batch, design):
    """Of a clip of a second, that of all blocks whichever had watched it already."""
    model, frames = make_ladder(design=design), moving_batch(1, 10)[0]
    with torch.inference_mode():
        state = model(frames[None]).state.memory
    for blocks in (("C3", "C4"), BLOCKS):
        kept = features.features_of(model, frames, blocks, fresh=model)
        for name in ("c4", "subsample"):
            expected = paper_features(name, state)[0]
            np.testing.assert_allclose(kept[name], expected, atol=1e-4)
            assert expected.std() > 0.01
        torch.testing.assert_close(kept["untrained"], kept["streams"])  # here it is the same network


def test_without_controls_only_what_is_fitted_to_is_computed(fitted, monkeypatch, tmp_path):
    given = [*arguments(fitted)[:-1], f"--features={tmp_path}", "--no-controls"]
    shutil.copytree(fitted / "checkpoints", tmp_path / "checkpoints")
    run(fit_classifier, monkeypatch, fitted / "recipe.yaml", *given, "--out", tmp_path / "checkpoints")
    first = next(tmp_path.glob("one_frame-*/*.npz"))
    assert set(np.load(first)) == {"streams", "steps"}
    clips = [c for c in find_clips(fitted / "data") if c.name == first.stem]
    with pytest.raises(ValueError, match="--controls"):
        features.load_features(first.parent, clips, "untrained")
    # Asked for later, they are computed then.
    run(fit_classifier, monkeypatch, fitted / "recipe.yaml", *given[:-1], "--out", tmp_path / "checkpoints")
    assert features.load_features(first.parent, clips, "untrained").shape[0] == 1


def test_two_processes_compute_what_one_does(fitted, monkeypatch, tmp_path):
    given = [*arguments(fitted)[:-1], f"--features={tmp_path}", "--workers=2"]
    shutil.copytree(fitted / "checkpoints", tmp_path / "checkpoints")
    run(fit_classifier, monkeypatch, fitted / "recipe.yaml", *given, "--out", tmp_path / "checkpoints")
    other = next(tmp_path.glob("one_frame-*"))
    files = sorted((fitted / "features" / other.name).glob("*.npz"))
    assert len(files) >= 12
    for file in files:
        if (other / file.name).exists():  # not the test clips
            np.testing.assert_allclose(np.load(other / file.name)["streams"], np.load(file)["streams"], atol=2e-3)


def test_the_papers_classifier_is_not_for_the_page(fitted, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="holds no one_frame"):
        run(fit_classifier, monkeypatch, fitted / "recipe.yaml", *arguments(fitted), "--out", tmp_path)
    with pytest.raises(SystemExit, match="'streams' only"):
        run(fit_classifier, monkeypatch, "paper_classifier", *arguments(fitted))


def test_what_is_fitted_the_app_loads(fitted, home):
    classifier = load_classifier(str(fitted / "checkpoints"), device=torch.device("cpu"), dtype=torch.float32)
    assert classifier.config.classes == ("Moving", "Still")
    assert classifier.config.familiar > 0 and classifier.config.temperature > 0
    stored = json.loads((home / "checkpoints" / "classifier" / "config.json").read_text(encoding="utf-8"))
    assert stored["scores"]["held_out"]["accuracy"] > 0.7 and stored["training"]["clips"] == 12
    # The app reads the file itself, not the cache: the same clip must come out the same.
    from vp import video
    from vp.action_classifier import READ_SIZE
    from vp.limits import FPS

    for label in ("Moving", "Still"):
        frames = video.read(home / "data" / label / f"v_{label}_g01_c01.mp4", fps=FPS, size=READ_SIZE)
        assert classifier.run(frames).classes[classifier.run(frames).top] == label


def test_the_report_compares_on_the_test_clips(fitted, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VP_ENCODER", str(fitted / "encoder.safetensors"))
    monkeypatch.setattr("train.evaluation.classifier_baselines.FOLDS", 2)
    run(evaluate_classifier, monkeypatch, *arguments(fitted), "--json", tmp_path / "r.json", "--figures", tmp_path)
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in report["rows"]}
    assert report["clips"] == 4 and rows["chance"]["accuracy"] == 0.5
    assert rows["the bundled classifier"]["accuracy"] == 1
    assert rows["ours, one frame"]["accuracy"] < 1  # no motion in one frame
    assert rows["ours, motion alone"]["accuracy"] == 1
    assert np.trace(report["confusion"]) == 4 and report["per_class"] == {"Moving": 1, "Still": 1}
    blocks = {f"ours, {block} alone" for block in BLOCKS}
    assert blocks & set(rows) == {"ours, C1 alone", "ours, C2 alone"}
    assert {"ours, untrained memories, same matching", "the paper's recipe, c4"} < set(rows)
    assert len(report["curves"]) == 4 and "| **the bundled classifier** | 100.0% |" in capsys.readouterr().out
    assert {p.name for p in tmp_path.glob("*.png")} == {
        "classifier.png", "confusion.png", "calibration.png", "classifier_curves.png",
    }  # fmt: skip


def test_cues_are_compared_on_held_out_training_clips(fitted, monkeypatch, capsys):
    monkeypatch.setattr(cue_accuracy, "DECAYS", (0.001,))
    run(cue_accuracy, monkeypatch, *arguments(fitted), "--no-controls")
    rows = capsys.readouterr().out.splitlines()[2:]
    names = [row.split("|")[1].strip() for row in rows]
    assert names[0] == "all" and {"motion alone", "the states alone", "C2 alone"} < set(names)
    shares = [float(row.split("|")[2].strip(" %")) for row in rows]
    assert all(0 <= share <= 100 for share in shares) and max(shares) > 70


def test_actions_never_shown_are_named_less_often_than_those_shown():
    torch.manual_seed(0)
    labels = torch.arange(200) % 4
    features = 12 * torch.eye(4)[labels].repeat(1, 4) + torch.randn(200, 16)
    network = {"strategy": "streams", "hidden": 16, "standardise": True, "directions": 8}
    recipe = ClassifierRecipe(network, learning_rate=0.01, epochs=10, batch=16)
    known = replace(recipe.config("lvln", 16, list("abcd"), 160), familiar=3.0)
    training, test = (Examples(features[which], labels[which]) for which in (slice(0, 160), slice(160, None)))
    shares = named_shares(training, test, recipe, known)
    assert shares["known"] > 0.9 and shares["right"] == 1 and shares["unknown"] < 0.2
    every = named_shares(training, test, recipe, replace(known, familiar=1e9))
    assert every["unknown"] > shares["unknown"] + 0.2  # by the score alone it would name them
    assert named_shares(training, test, recipe, replace(known, classes=("a", "b"))) is None


def test_calibration_undoes_overconfidence():
    torch.manual_seed(0)
    logits = torch.randn(4000, 5)
    labels = torch.distributions.Categorical(logits=logits).sample()
    found = calibrate(3 * logits, labels)
    assert found.temperature == pytest.approx(3, rel=0.1)
    torch.testing.assert_close(calibrated(3 * logits, *found), torch.softmax(logits, 1), rtol=0, atol=0.05)
    right, wrong = (calibration_error(torch.softmax(scale * logits, 1), labels) for scale in (1, 3))
    assert right < 0.03 < 0.15 < wrong
    assert calibrate(logits, labels.roll(1)).temperature == HOTTEST  # scores that say nothing of the labels


def test_calibration_finds_where_scores_mean_no_more():
    torch.manual_seed(0)
    logits = 3 * torch.randn(8000, 5)
    labels = torch.distributions.Categorical(logits=2 * torch.tanh(logits / 2)).sample()
    found = calibrate(logits, labels)
    assert found.temperature == pytest.approx(1, rel=0.15) and found.soft_cap == pytest.approx(2, rel=0.1)
    errors = [calibration_error(calibrated(logits, *how), labels) for how in (found, (found.temperature, None))]
    assert errors[0] < 0.02 < 0.1 < errors[1]
    assert 8 < calibrate(logits, torch.distributions.Categorical(logits=logits).sample()).soft_cap <= HIGHEST


def test_calibration_error_by_hand():
    scores = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    # In the bin of 0.9 half are right, in that of 0.6 all: (0.4 + 0.4) / 2.
    assert calibration_error(scores, torch.tensor([0, 1, 0, 0])) == pytest.approx(0.4)


def test_the_recipes_are_read_and_the_papers_is_the_papers():
    paper, plain = load_classifier_recipe("paper_classifier"), load_classifier_recipe("paper_classifier_plain")
    assert paper.optimiser == plain.optimiser == "adam"
    paper, plain = (recipe.config("lvln", 12720, ["a", "b"], clips=100) for recipe in (paper, plain))
    assert (paper.strategy, paper.hidden, paper.batch_norm, paper.blocks) == ("c4+subsample", 2000, True, BLOCKS)
    assert not plain.batch_norm and plain.dropout == 0 < paper.dropout


def test_a_bundled_classifier_is_what_its_recipe_says():
    stored = open_checkpoints("bundled").load_classifier().config
    recipe = load_classifier_recipe("classifier")
    made = recipe.config(stored.predictor, stored.features, stored.classes, stored.remembered)
    assert made == replace(stored, temperature=made.temperature, soft_cap=made.soft_cap, familiar=made.familiar)


def test_a_recipe_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="paper_classifier"):
        load_classifier_recipe("nothing")


def test_it_learns_and_unknown_fields_are_refused(tmp_path):
    torch.manual_seed(0)
    labels = torch.arange(40) % 2
    examples = Examples(torch.randn(40, 4) + 3 * labels[:, None], labels)
    net, curve = fit(
        examples,
        "lvln",
        ["a", "b"],
        ClassifierRecipe(
            {"strategy": "streams", "hidden": 8}, optimiser="adamw", learning_rate=0.01, epochs=20, batch=8
        ),
        held_out=examples,
    )
    assert isinstance(net, StateClassifier) and curve[-1]["training"] > 0.9 and curve[-1]["loss"] < curve[0]["loss"]
    for text, message in (
        ("network: {strategy: streams}\ncolour: red", "colour"),
        ("colour: red", "network is missing|colour"),
        ("network: {strategy: streams, colour: red}", "network: unknown fields in the configuration: colour"),
        ("network: {hidden: 8}", "network: fields missing from the configuration: strategy"),
        ("network: {strategy: streams, blocks: [C5]}", "network: blocks .*C5"),
        ("network: {strategy: streams, directions: many}", "network: directions must be a whole number"),
        ("network: {strategy: streams, temperature: 2.0}", "network: temperature cannot be chosen"),
        ("network: {strategy: streams, hidden: 8}\noptimiser: ridge", "network: hidden must be 0 for ridge"),
    ):
        (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message) as refused:
            load_classifier_recipe(tmp_path / "x.yaml")
        assert "\n" not in str(refused.value)


def test_ridge_regression_is_at_its_least_and_all_cues_weigh_the_same():
    """Two cues that say the same: one by a single number, one by a hundred."""
    torch.manual_seed(0)
    labels = torch.arange(60) % 2
    said = 2 * labels[:, None] + torch.randn(60, 1)
    which = torch.cat([torch.zeros(1), torch.ones(100)]).long()
    examples = Examples(said.expand(-1, 101), labels, which)
    network = {"strategy": "streams", "hidden": 0, "standardise": True}
    recipe = ClassifierRecipe(network, optimiser="ridge", weight_decay=0.01)
    net, curve = fit(examples, "lvln", ["a", "b"], recipe)
    one, hundred = (net.net.weight[:, which == i].norm().item() for i in (0, 1))
    assert curve == [] and one == pytest.approx(hundred, rel=1e-2) and one > 0.1
    error = (net(examples.features) - torch.nn.functional.one_hot(labels, 2)).square().sum() / len(labels)
    slopes = torch.autograd.grad(error + 0.01 * net.net.weight.square().sum(), [*net.net.parameters()])
    assert max(slope.abs().max() for slope in slopes) < 1e-5


def test_groups_stay_together_and_test_clips_stay_out(home):
    clips = select(find_clips(home / "data"), "train+validation")
    folds = fold_of(clips)
    assert {c.group for c in clips} == {8, 9, 10, 11, 12, 13}
    for group in range(8, 14):
        assert len({int(f) for c, f in zip(clips, folds, strict=True) if c.group == group}) == 1
