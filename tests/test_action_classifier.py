"""vp.action_classifier and vp.memory: a whole clip, watched a few frames at a time."""

import numpy as np
import pytest
import torch

from vp.action_classifier import LOOKS, SURE, ActionClassifier, Classification, load_classifier
from vp.checkpoints import save_classifier, save_encoder, save_predictor
from vp.errors import CheckpointError, RequestError
from vp.limits import MAX_CLASSIFIED
from vp.memory import states_along
from vp.models import BLOCKS, KERNELS, ClassifierConfig, StateClassifier, clip_features, feature_count, step_features
from vp.models.config import DESIGNS
from vp.models.readout import OVER_PARTS, POOLED
from vp.predictor import Predictor

CLASSES = ("walk", "run", "sit")


@pytest.fixture(scope="module", params=DESIGNS)
def ladder(request, make_ladder):
    return make_ladder(design=request.param)


def network(ladder, strategy="pooled", blocks=BLOCKS, **changes) -> StateClassifier:
    torch.manual_seed(1)
    options = {"hidden": 8, "standardise": strategy == "pooled", "blocks": blocks} | changes
    if "familiar" in options:
        options |= {"directions": 2, "remembered": 5}
    count = feature_count(ladder.config, strategy, blocks)
    net = StateClassifier(ClassifierConfig("one_frame", strategy, count, CLASSES, **options))
    net.mean.normal_(0, 0.02)
    net.spread.fill_(0.05)
    if net.config.remembered:
        net.familiarity.remember(torch.randn(net.config.remembered, count))
    return net.eval()


def on_ladder(ladder, net: StateClassifier) -> ActionClassifier:
    return ActionClassifier(Predictor("one_frame", ladder, device=torch.device("cpu"), dtype=torch.float32), net)


def classifier(ladder, strategy="pooled", **changes) -> ActionClassifier:
    return on_ladder(ladder, network(ladder, strategy, **changes))


def explained(ladder, net: StateClassifier, clip: np.ndarray) -> tuple[Classification, float]:
    """What a clip is taken for, and by how much the score of that class exceeds the mean of all."""
    ours = on_ladder(ladder, net)
    found = ours.run(clip)
    states, before = next(states_along(ladder, ours.predictor.resize(clip)))
    with torch.no_grad():
        logits = net(clip_features(net.config.strategy, step_features(net.config.strategy, states, before))[None])[0]
    return found, (logits[found.top] - logits.mean()).item()


def test_states_along_are_those_of_the_whole_clip_at_once(ladder, moving_batch):
    frames = moving_batch(1, 7)[0]
    with torch.inference_mode():
        whole = ladder(frames[None], record=True).trace
    parts = list(states_along(ladder, frames, chunk=3))
    assert [len(states["C1"]["3x3"]) for states, _ in parts] == [3, 3, 1]
    for block in BLOCKS:
        for kernel in KERNELS:
            after = torch.cat([states[block][kernel] for states, _ in parts])
            before = torch.cat([earlier[block][kernel] for _, earlier in parts])
            torch.testing.assert_close(after, whole[block][kernel].h[0], atol=1e-4, rtol=0)
            assert before[0].abs().max() == 0 and torch.equal(before[1:], after[:-1])


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("full_resolution", [False, True])
def test_the_other_blocks_need_not_run(make_ladder, moving_batch, full_resolution, design, monkeypatch):
    model = make_ladder(design=design, full_resolution=full_resolution)
    frames = moving_batch(1, 5)[0]
    whole, some = (next(states_along(model, frames, blocks=blocks)) for blocks in (BLOCKS, ("C2", "C3")))
    for every, part in zip(whole, some, strict=True):
        assert list(part) == ["C2", "C3"]
        for block in part:
            for kernel in KERNELS:
                assert torch.equal(part[block][kernel], every[block][kernel])
    monkeypatch.setattr(model.encoder.layer4, "forward", lambda _: pytest.fail("the encoder went deeper than asked"))
    monkeypatch.setattr(model.laterals["C1"], "forward", lambda *_, **__: pytest.fail("C1 ran"))
    next(states_along(model, frames, blocks=("C2", "C3")))


def test_a_classifier_of_some_blocks_explains_itself_by_them(ladder, moving):
    clip = moving(21, 32, 64)
    found = classifier(ladder, blocks=("C3", "C4")).run(clip)
    assert list(found.evidence) == ["C3", "C4"] and found.heat.shape[1:] == ladder.config.map_size("C3")
    assert np.abs(found.evidence["C4"]["7x7"]).max() > 0
    np.testing.assert_allclose(
        classifier(ladder, blocks=("C3", "C4")).run(clip, silence=["C1", "C2"]).scores, found.scores, atol=1e-6
    )


def test_a_classifier_hears_the_memories_that_it_reads_and_nothing_else(ladder, moving):
    ours = classifier(ladder, blocks=("C3", "C4"))
    deaf, heard = ["C1", "C2.5x5.0", "C3.skip", "C3.location"], ["C4", "C3.5x5", "C4.7x7.1"]
    assert ours.relevant([*deaf, *heard]) == tuple(heard)
    clip = moving(6, 32, 64)
    whole = ours.run(clip).scores
    np.testing.assert_allclose(ours.run(clip, silence=deaf).scores, whole, atol=1e-6)
    assert all(np.abs(ours.run(clip, silence=[part]).scores - whole).max() > 1e-6 for part in heard)
    with pytest.raises(RequestError, match="names no part"):
        ours.relevant(["C9"])


def test_the_score_after_a_frame_is_that_of_the_clip_cut_there(ladder, moving):
    """What the course shows at a frame knows nothing of what comes later."""
    clip = moving(21, 40, 80)
    for strategy in ("pooled", "c4+subsample"):
        ours = classifier(ladder, strategy)
        whole = ours.run(clip)
        assert whole.course.shape == (21, 3)
        np.testing.assert_allclose(whole.course.sum(1), 1, atol=1e-5)
        assert np.ptp(whole.course[:, 0]) > 1e-3
        np.testing.assert_allclose(ours.run(clip[:18]).scores, whole.course[17], atol=1e-4)


def test_evidence_is_state_times_gradient(ladder, moving):
    """For a linear classifier of the last state the evidence adds up to its score, but for the bias."""
    net = network(ladder, "c4", hidden=0)
    net.mean.zero_()
    net.net.bias.data.zero_()
    found, expected = explained(ladder, net, moving(1, 32, 64))
    total = sum(found.evidence["C4"][k].sum() for k in KERNELS)
    assert total == pytest.approx(expected, rel=0.01) and abs(expected) > 1e-3
    assert found.heat.sum() == pytest.approx(expected, rel=0.2)  # enlarged smoothly
    assert all(np.abs(found.evidence["C1"][k]).max() == 0 for k in KERNELS)  # this strategy does not read them


def test_every_filter_has_evidence_and_the_looks_are_spread_over_the_clip(ladder, moving):
    clip = moving(40, 32, 64)
    found = classifier(ladder).run(clip)
    assert len(found.looks) == LOOKS and (found.looks[0], found.looks[-1]) == (0, 39)
    assert found.heat.shape == (LOOKS, *ladder.config.map_size("C1")) and found.pictures.shape == (LOOKS, 32, 64, 3)
    np.testing.assert_allclose(found.pictures[3], clip[found.looks[3]] / 255, atol=1e-6)
    for block, width in zip(BLOCKS, ladder.config.gru_widths, strict=True):
        for kernel in KERNELS:
            assert found.evidence[block][kernel].shape == (width,)
            assert np.isfinite(found.evidence[block][kernel]).all() and np.abs(found.evidence[block][kernel]).max() > 0


def test_it_is_unsure_where_the_best_score_is_low_or_the_clip_is_strange(ladder, moving):
    clip = moving(5, 32, 64)
    vague = classifier(ladder, temperature=500.0).run(clip)
    assert vague.familiar and vague.unsure and vague.scores.max() < SURE
    sure = classifier(ladder, temperature=0.001, familiar=1e9).run(clip)
    assert sure.familiar and not sure.unsure and sure.scores[sure.top] == sure.scores.max() > SURE
    strange = classifier(ladder, temperature=0.001, familiar=1e-9).run(clip)
    assert not strange.familiar and strange.unsure and strange.strangeness > 0


def test_watching_tells_how_far_it_is(ladder, moving):
    *shares, result = classifier(ladder).watch(moving(40, 32, 64))
    assert shares == [16 / 40, 32 / 40, 1.0] and isinstance(result, Classification)


def test_a_silenced_memory_says_nothing(ladder, moving):
    clip = moving(5, 32, 64)
    ours = classifier(ladder, "c4+subsample")
    whole, hurt = ours.run(clip), ours.run(clip, silence=["C1", "C4.5x5"])
    assert np.abs(whole.scores - hurt.scores).max() > 1e-3
    assert all(np.abs(hurt.evidence["C1"][k]).max() < 1e-6 for k in KERNELS)
    assert np.abs(hurt.evidence["C4"]["5x5"]).max() < 1e-6 < np.abs(hurt.evidence["C4"]["3x3"]).max()


def test_evidence_lies_at_the_moment_that_counts(ladder, moving):
    """Where only the highest of a clip's parts is read, by one feature, the frames of that part speak alone."""
    clip = np.concatenate([np.repeat(moving(1, 32, 64), 30, axis=0), moving(10, 32, 64)])
    net = network(ladder, hidden=0)
    highest = 2 * (net.config.features // OVER_PARTS)
    net.net.weight.data[:, [i for i in range(net.config.features) if i != highest]] = 0
    found = on_ladder(ladder, net).run(clip)
    spoke = found.looks[np.abs(found.heat).sum((1, 2)) > 0]
    assert 1 <= len(spoke) <= 2 and len({look // 4 for look in spoke}) == 1  # ten parts of four frames


def test_evidence_counts_from_what_is_usual(ladder, moving):
    """For a linear classifier of the mean states it adds up to the score, each filter counted from its usual mean."""
    net = network(ladder, "pooled", hidden=0)
    is_mean, place = torch.zeros(net.config.features, dtype=torch.bool), 0
    for width in ladder.config.gru_widths:
        for _ in KERNELS:
            is_mean[place : place + width] = True
            place += POOLED * width
    net.net.weight.data[:, ~is_mean] = 0
    net.net.bias.data.zero_()
    found, expected = explained(ladder, net, moving(4, 32, 64))
    total = sum(found.evidence[b][k].sum() for b in BLOCKS for k in KERNELS)
    assert total == pytest.approx(expected, rel=0.01) and abs(total) > 0.01


@pytest.mark.parametrize(
    "frames",
    [np.zeros((0, 32, 64, 3), np.uint8), np.zeros((MAX_CLASSIFIED + 1, 1, 1, 3), np.uint8), np.zeros((2, 3)), "clip"],
    ids=["none", "too many", "no pictures", "no array"],
)
def test_what_is_no_clip_is_refused(ladder, frames):
    with pytest.raises(RequestError, match="frames|array"):
        classifier(ladder).run(frames)


# --- checkpoints -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(ladder, tmp_path):
    """A repository with one predictor and a classifier on it."""
    save_encoder(tmp_path, ladder, provenance="random numbers")
    save_predictor(tmp_path, "one_frame", ladder, training={}, scores={}, precision="float32")
    save_classifier(tmp_path, network(ladder, temperature=1.5, familiar=3.0), training={"clips": 7}, scores={})
    return tmp_path


def test_a_classifier_comes_back_with_its_predictor(ladder, folder, moving):
    loaded = load_classifier(str(folder), device=torch.device("cpu"), dtype=torch.float32)
    assert loaded.config == network(ladder, temperature=1.5, familiar=3.0).config
    clip = moving(6, 32, 64)
    ours = classifier(ladder, temperature=1.5, familiar=3.0).run(clip)
    np.testing.assert_allclose(loaded.run(clip).course, ours.course, atol=0.02)  # stored as bfloat16


def test_a_classifier_of_other_weights_is_refused(folder, make_ladder, ladder):
    other = make_ladder(seed=5, design=ladder.config.design)
    other.encoder.load_state_dict(ladder.encoder.state_dict())
    save_predictor(folder, "one_frame", other, training={}, scores={})
    with pytest.raises(CheckpointError, match="other weights of one_frame"):
        load_classifier(str(folder))


def test_a_classifier_of_other_features_is_refused(folder, ladder):
    config = ClassifierConfig("one_frame", "pooled", 108, CLASSES, hidden=8)
    save_classifier(folder, StateClassifier(config), training={}, scores={})
    with pytest.raises(CheckpointError, match=r"reads 108 numbers .* makes [\d,]+ of the states of one_frame"):
        load_classifier(str(folder))


def test_a_classifier_whose_scores_are_not_finite_is_neither_written_nor_loaded(folder, ladder):
    kept = (folder / "classifier" / "model.safetensors").read_bytes()
    for part, value in (("spread", 0.0), ("net.0.weight", 3e38)):
        net = network(ladder, temperature=1.5)
        net.state_dict()[part].fill_(value)
        with pytest.raises(CheckpointError, match="classifier is not saved.* not finite"):
            save_classifier(folder, net, training={}, scores={})
        assert (folder / "classifier" / "model.safetensors").read_bytes() == kept
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("vp.checkpoints.save.try_out", lambda *_: None)
            save_classifier(folder, net, training={}, scores={})
        with pytest.raises(CheckpointError, match="classifier/model.safetensors.* not finite"):
            load_classifier(str(folder))
        (folder / "classifier" / "model.safetensors").write_bytes(kept)


def test_a_missing_or_damaged_classifier_says_what_to_do(folder):
    weights, config = folder / "classifier" / "model.safetensors", folder / "classifier" / "config.json"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('"pooled"', '"pooling"'), encoding="utf-8")
    with pytest.raises(CheckpointError, match='"classifier" does not describe a classifier: strategy'):
        load_classifier(str(folder))
    config.write_text(text, encoding="utf-8")
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        load_classifier(str(folder))
    weights.unlink()
    with pytest.raises(CheckpointError, match="incomplete"):
        load_classifier(str(folder))
    (folder / "classifier" / "model.pt").write_bytes(b"x")
    config.unlink()
    with pytest.raises(CheckpointError, match="pickled"):
        load_classifier(str(folder))
    (folder / "classifier" / "model.pt").unlink()
    with pytest.raises(CheckpointError, match=r"No classifier checkpoint is loaded.*--checkpoints"):
        load_classifier(str(folder))
