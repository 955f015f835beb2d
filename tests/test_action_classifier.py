"""vp.action_classifier and vp.states_along: a whole clip, watched a few frames at a time."""

import numpy as np
import pytest
import torch

from vp.action_classifier import LOOKS, SURE, ActionClassifier, Classification, load_classifier
from vp.checkpoints import save_classifier, save_encoder, save_predictor
from vp.errors import CheckpointError, RequestError
from vp.limits import MAX_CLASSIFIED
from vp.models import BLOCKS, KERNELS, ClassifierConfig, StateClassifier, clip_features, feature_count, read_steps
from vp.models.classifier_inputs import STREAMS, cues_of, feature_cues
from vp.models.config import DESIGNS
from vp.predictor import Predictor
from vp.states_along import states_along

CLASSES = ("walk", "run", "sit")


@pytest.fixture(scope="module", params=DESIGNS)
def ladder(request, make_ladder):
    return make_ladder(design=request.param)


def network(ladder, blocks=BLOCKS, **changes) -> StateClassifier:
    torch.manual_seed(1)
    options = {"hidden": 0, "standardise": True, "blocks": blocks} | changes
    if "familiar" in options:
        options |= {"directions": 2, "remembered": 5}
    count = feature_count(ladder.config, "streams", blocks)
    net = StateClassifier(ClassifierConfig("one_frame", "streams", count, CLASSES, **options))
    net.mean.normal_(0, 0.02)
    net.spread.fill_(0.05)
    if net.config.remembered:
        net.familiarity.remember(torch.randn(net.config.remembered, count))
    return net.eval()


def on_ladder(ladder, net: StateClassifier) -> ActionClassifier:
    return ActionClassifier(Predictor("one_frame", ladder, device=torch.device("cpu"), dtype=torch.float32), net)


def classifier(ladder, **changes) -> ActionClassifier:
    return on_ladder(ladder, network(ladder, **changes))


def only(ladder, net: StateClassifier, *names: str) -> StateClassifier:
    """A linear classifier that hears only the cues of these names."""
    cues = cues_of(ladder.config, net.config.blocks)
    heard = torch.tensor([cue.name in names for cue in cues])[feature_cues(cues)]
    net.net.weight.data[:, ~heard] = 0
    return net


def test_states_along_are_those_of_the_whole_clip_at_once(ladder, moving_batch):
    frames = moving_batch(1, 7)[0]
    with torch.inference_mode():
        whole = ladder(frames[None], record=True).trace
    parts = list(states_along(ladder, frames, chunk=3))
    assert [len(states["C1"]["3x3"]) for _, states, _ in parts] == [3, 3, 1]
    for block in BLOCKS:
        for kernel in KERNELS:
            after = torch.cat([states[block][kernel] for _, states, _ in parts])
            before = torch.cat([earlier[block][kernel] for _, _, earlier in parts])
            torch.testing.assert_close(after, whole[block][kernel].h[0], atol=1e-4, rtol=0)
            assert before[0].abs().max() == 0 and torch.equal(before[1:], after[:-1])


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("full_resolution", [False, True])
def test_the_other_blocks_need_not_run(make_ladder, moving_batch, full_resolution, design, monkeypatch):
    model = make_ladder(design=design, full_resolution=full_resolution)
    frames = moving_batch(1, 5)[0]
    whole, some = (next(states_along(model, frames, blocks=blocks)) for blocks in (BLOCKS, ("C2", "C3")))
    for every, part in zip(whole[1:], some[1:], strict=True):
        assert list(part) == ["C2", "C3"]
        for block in part:
            for kernel in KERNELS:
                assert torch.equal(part[block][kernel], every[block][kernel])
    monkeypatch.setattr(model.encoder.layer4, "forward", lambda _: pytest.fail("the encoder went deeper than asked"))
    monkeypatch.setattr(model.laterals["C1"], "recur", lambda *_, **__: pytest.fail("C1 ran"))
    next(states_along(model, frames, blocks=("C2", "C3")))


def test_a_classifier_of_some_blocks_explains_itself_by_them(ladder, moving):
    clip = moving(21, 32, 64)
    found = classifier(ladder, blocks=("C3", "C4")).run(clip)
    assert [b for b, cues in found.evidence.items() if "3x3" in cues] == ["C3", "C4"]
    assert all(maps.shape[1:] == ladder.config.map_size("C3") for maps in found.heat.values())
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
    clip, ours = moving(21, 40, 80), classifier(ladder)
    whole = ours.run(clip)
    assert whole.course.shape == (21, 3)
    np.testing.assert_allclose(whole.course.sum(1), 1, atol=1e-5)
    assert np.ptp(whole.course[:, 0]) > 1e-3
    np.testing.assert_allclose(ours.run(clip[:18]).scores, whole.course[17], atol=1e-4)


def test_evidence_adds_up_to_the_score(ladder, moving):
    """By cue, by stream and frame, and by place: all of it, but for the bias."""
    net = network(ladder)
    net.net.bias.data.zero_()
    clip, ours = moving(13, 32, 64), on_ladder(ladder, net)
    found = ours.run(clip)
    with torch.no_grad():
        steps = read_steps(ladder, *next(states_along(ladder, ours.predictor.resize(clip))))
        logits = net(clip_features(steps)[None])[0]
    expected = (logits[found.top] - logits.mean()).item()
    close = {"rel": 1e-3, "abs": 1e-3}
    assert abs(expected) > 0.05
    assert sum(part.sum() for cues in found.evidence.values() for part in cues.values()) == pytest.approx(
        expected, **close
    )
    assert sum(cues.mean() for cues in found.by_stream.values()) == pytest.approx(expected, **close)
    for stream, names in STREAMS.items():
        by_cue = sum(part.sum() for cues in found.evidence.values() for name, part in cues.items() if name in names)
        assert found.by_stream[stream].mean() == pytest.approx(by_cue, **close)
        # Enlarged smoothly, a map keeps its sum but for its border.
        np.testing.assert_allclose(
            found.heat[stream].sum((1, 2)), found.by_stream[stream][found.looks], rtol=0.2, atol=0.05
        )


@pytest.mark.parametrize("names", [("features",), KERNELS, ("moved",), ("matched",)], ids="-".join)
def test_each_cue_is_heard_and_speaks_in_its_stream(make_ladder, moving, names):
    """A classifier that hears one cue alone knows another clip by it, and lays all evidence there."""
    ladder = make_ladder(design="motion")
    for block in ladder.motion.values():
        torch.nn.init.normal_(block.step.weight)
    ours = on_ladder(ladder, only(ladder, network(ladder), *names))
    clip = moving(8, 32, 64)
    found, still = ours.run(clip), ours.run(np.repeat(clip[:1], 8, axis=0))
    assert np.abs(found.scores - still.scores).max() > 1e-3
    stream, other = sorted(STREAMS, key=lambda stream: names[0] not in STREAMS[stream])
    assert np.abs(found.by_stream[stream]).max() > 1e-3 and np.abs(found.heat[stream]).max() > 1e-6
    assert np.abs(found.by_stream[other]).max() < 1e-6 and np.abs(found.heat[other]).max() < 1e-6
    silent = ours.run(clip, silence=list(BLOCKS))
    unmoved = np.abs(found.scores - silent.scores).max() < 1e-6
    assert unmoved == (names[0] in ("features", "matched"))  # what no memory says


def test_every_filter_has_evidence_and_the_looks_are_spread_over_the_clip(ladder, moving):
    clip = moving(40, 32, 64)
    found = classifier(ladder).run(clip)
    assert len(found.looks) == LOOKS and (found.looks[0], found.looks[-1]) == (0, 39)
    assert all(maps.shape == (LOOKS, *ladder.config.map_size("C1")) for maps in found.heat.values())
    assert found.pictures.shape == (LOOKS, 32, 64, 3)
    np.testing.assert_allclose(found.pictures[3], clip[found.looks[3]] / 255, atol=1e-6)
    for block, width in zip(BLOCKS, ladder.config.gru_widths, strict=True):
        for kernel in KERNELS:
            assert found.evidence[block][kernel].shape == (2 * width,)  # the state, and how much it changed
            assert np.isfinite(found.evidence[block][kernel]).all() and np.abs(found.evidence[block][kernel]).max() > 0


def test_it_is_unsure_where_the_best_score_is_low_or_the_clip_is_strange(ladder, moving):
    clip = moving(5, 32, 64)
    vague = classifier(ladder, temperature=500.0).run(clip)
    assert vague.familiar and vague.unsure and vague.scores.max() < SURE
    sure = classifier(ladder, temperature=0.001, familiar=1e9).run(clip)
    assert sure.familiar and not sure.unsure and sure.scores[sure.top] == sure.scores.max() > SURE
    strange = classifier(ladder, temperature=0.001, familiar=1e-9).run(clip)
    assert not strange.familiar and strange.unsure and strange.distance > 0


def test_watching_tells_how_far_it_is(ladder, moving):
    *shares, result = classifier(ladder).watch(moving(40, 32, 64))
    assert shares == [16 / 40, 32 / 40, 1.0] and isinstance(result, Classification)


def test_evidence_lies_where_and_when_it_moves(make_ladder, moving):
    """A square that moves in one corner after a second: motion speaks there and then."""
    ladder = make_ladder(design="motion")
    net = only(ladder, network(ladder), "matched")
    net.mean.zero_()
    generator = np.random.default_rng(0)
    clip = np.repeat(generator.integers(0, 255, (1, 64, 64, 3)), 20, axis=0).astype(np.uint8)
    for t in range(10, 20):
        clip[t, 32:, 32:] = np.roll(clip[0, 32:, 32:], 2 * (t - 9), axis=1)
    found = on_ladder(ladder, net).run(clip)
    cues = np.abs(found.by_stream["motion"])
    assert cues[:9].max() < 0.1 * cues[11:].max()
    heat = np.abs(found.heat["motion"][found.looks >= 10]).mean(0)
    y, x = np.nonzero(heat > np.quantile(heat, 0.95))
    assert np.mean((y >= heat.shape[0] // 2 - 1) & (x >= heat.shape[1] // 2 - 1)) > 0.7


def test_a_classifier_that_cannot_say_what_speaks_is_refused(ladder):
    config = ClassifierConfig("one_frame", "c4", feature_count(ladder.config, "c4"), CLASSES, hidden=4)
    with pytest.raises(ValueError, match="'c4'"):
        on_ladder(ladder, StateClassifier(config))


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
    config = ClassifierConfig("one_frame", "streams", 108, CLASSES, hidden=8)
    save_classifier(folder, StateClassifier(config), training={}, scores={})
    with pytest.raises(CheckpointError, match=r"reads 108 numbers .* makes [\d,]+ with one_frame"):
        load_classifier(str(folder))


def test_a_classifier_whose_scores_are_not_finite_is_neither_written_nor_loaded(folder, ladder):
    kept = (folder / "classifier" / "model.safetensors").read_bytes()
    for part, value in (("spread", 0.0), ("net.weight", 3e38)):
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
    config.write_text(text.replace('"streams"', '"rivers"'), encoding="utf-8")
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
