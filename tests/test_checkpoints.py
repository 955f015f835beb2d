"""Checkpoints on disk: what is saved comes back, and whatever is wrong with a file is said, never guessed over."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vp.checkpoints import layout, open_checkpoints, save_encoder, save_predictor
from vp.checkpoints.tensors import fitted, parse_tensors
from vp.errors import CheckpointError
from vp.models import NAMES, PAPER, Ladder, build, preset

TINY = {"gru_widths": (2, 2, 2, 2), "decoder_width": 16, "lateral_width": 4, "height": 32, "width": 32}
WEIGHTS, CONFIG = "model.safetensors", "config.json"
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def ladders() -> dict[str, Ladder]:
    """Three tiny predictors around one full encoder."""
    torch.manual_seed(0)
    # One of the paper's design and two of ours, so that all kinds of tensors are covered.
    designs = {"lvln": "motion", "one_frame": "paper", "full_res": "motion"}
    ladders = {name: build(replace(preset(name, design), **TINY)).eval() for name, design in designs.items()}
    for ladder in ladders.values():
        ladder.encoder = ladders["lvln"].encoder
    return ladders


@pytest.fixture(scope="session")
def saved(ladders: dict[str, Ladder], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a folder. Not to be changed: see `copy`."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_encoder(folder, ladders["lvln"], provenance="random numbers")
    for name, ladder in ladders.items():
        save_predictor(folder, name, ladder, training={"minutes": 1.5, "data": "none"}, scores={"psnr": 20.0})
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may break; its encoder is a link, which stays untouched."""
    for name in NAMES:
        shutil.copytree(saved / name, tmp_path / name)
    (tmp_path / "encoder").symlink_to(saved / "encoder")
    return tmp_path


@contextmanager
def complaint(*words: str) -> Iterator[None]:
    """The block raises a CheckpointError that contains all of these words."""
    with pytest.raises(CheckpointError) as caught:
        yield
    for word in words:
        assert word in str(caught.value), str(caught.value)


def edit(folder: Path, name: str, change: Callable[[dict[str, torch.Tensor]], object], *, rehash: bool = True) -> None:
    """Change the stored tensors of a predictor, and by default the hash that its config knows."""
    tensors = safetensors.torch.load_file(folder / name / WEIGHTS)
    change(tensors)
    safetensors.torch.save_file(tensors, folder / name / WEIGHTS)
    if rehash:
        edit_config(folder, name, weights_sha256=layout.sha256((folder / name / WEIGHTS).read_bytes()))


def edit_config(folder: Path, name: str, **fields: object) -> None:
    """Set fields of a config.json; ... removes one."""
    path = folder / name / CONFIG
    config = json.loads(path.read_text(encoding="utf-8")) | fields
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not ...}), encoding="utf-8")


# --- what is saved comes back -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(saved: Path, ladders: dict[str, Ladder], name: str) -> None:
    source = open_checkpoints(str(saved))
    loaded = source.load(name)
    assert loaded.config == ladders[name].config
    assert not loaded.training
    assert all(tensor.device.type == "cpu" for tensor in (*loaded.parameters(), *loaded.buffers()))
    expected = ladders[name].state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for key, tensor in loaded.state_dict().items():
        want = expected[key]
        assert tensor.dtype == want.dtype
        # Stored as bfloat16, read as float32.
        assert torch.equal(tensor, want.bfloat16().float() if want.is_floating_point() else want), key
    with torch.inference_mode():
        frames = torch.rand(1, 2, 3, 32, 32)
        assert torch.allclose(loaded(frames).frames, ladders[name](frames).frames, atol=0.05)


def test_what_a_source_knows(saved: Path, copy: Path) -> None:
    source = open_checkpoints(str(saved))
    assert source.spec == str(saved)
    assert source.names() == list(NAMES)
    assert source.revision is None
    assert source.card() is None
    assert not source.has_classifier
    config = source.config("lvln")
    assert (config["format"], config["kind"], config["precision"]) == (1, "predictor", "bfloat16")
    assert config["training"] == {"minutes": 1.5, "data": "none"}
    assert config["scores"] == {"psnr": 20.0}
    assert config["encoder_sha256"] == layout.sha256((saved / "encoder" / WEIGHTS).read_bytes())
    # One predictor gone, a card and a classifier added: it opens all the same, and looks anew each time.
    source = open_checkpoints(str(copy))
    shutil.rmtree(copy / "full_res")
    (copy / "README.md").write_text("# Card ✓", encoding="utf-8")
    (copy / "classifier").mkdir()
    (copy / "classifier" / CONFIG).write_text("{}", encoding="utf-8")
    assert source.names() == ["lvln", "one_frame"]
    assert source.card() == "# Card ✓"
    assert source.has_classifier


def test_bundled_is_a_source() -> None:
    source = open_checkpoints("bundled")
    assert set(source.names()) <= set(NAMES)


def test_the_papers_recipe_is_kept_beside_the_predictors_and_is_none_of_them(
    copy: Path, ladders: dict[str, Ladder]
) -> None:
    source = open_checkpoints(str(copy))
    assert not source.has_paper
    with complaint(f"{copy} has no {PAPER}/{CONFIG}", "lvln, one_frame, full_res"):
        source.load(PAPER)
    save_predictor(copy, PAPER, ladders["one_frame"], training={}, scores={})
    assert source.has_paper and source.names() == list(NAMES)
    for ours, theirs in zip(source.load(PAPER).parameters(), source.load("one_frame").parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_float32_and_the_same_bytes_every_time(saved: Path, ladders: dict[str, Ladder], tmp_path: Path) -> None:
    (tmp_path / "encoder").symlink_to(saved / "encoder")
    written = []
    for _ in range(2):
        save_predictor(tmp_path, "full_res", ladders["full_res"], training={}, scores={}, precision="float32")
        written.append([(tmp_path / "full_res" / file).read_bytes() for file in (CONFIG, WEIGHTS)])
    assert written[0] == written[1]
    assert sorted(os.listdir(tmp_path / "full_res")) == [CONFIG, WEIGHTS]  # nothing temporary stays behind
    loaded = open_checkpoints(str(tmp_path)).load("full_res").state_dict()
    original = ladders["full_res"].state_dict()
    assert all(torch.equal(loaded[key], original[key]) for key in loaded if not key.startswith("encoder."))


def test_weights_take_their_place_before_the_config_that_promises_them(
    copy: Path, ladders: dict[str, Ladder], monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []

    def rename(part: Path, path: Path) -> None:
        renamed.append(path.name)
        assert all(p.stat().st_size for p in path.parent.glob(".*")), "not all is on the disk"
        raise OSError(28, "No space left on device")

    before = (copy / "lvln" / CONFIG).read_bytes()
    monkeypatch.setattr("vp.replacing.os.replace", rename)
    with complaint("cannot be written", "No space left"):
        save_predictor(copy, "lvln", ladders["lvln"], training={}, scores={})
    assert renamed == [WEIGHTS] and (copy / "lvln" / CONFIG).read_bytes() == before
    assert {path.name for path in (copy / "lvln").iterdir()} == {WEIGHTS, CONFIG}, "something half done is left"


def test_reading_while_writing(copy: Path, ladders: dict[str, Ladder]) -> None:
    """Readers see the old weights or the new ones, whole, in as many threads as they like."""
    source, failures, done = open_checkpoints(str(copy)), [], threading.Event()
    ladder = ladders["one_frame"]
    key = "head.output.bias"
    before = ladder.state_dict()[key].clone()

    def read() -> None:
        while not done.is_set():
            try:
                values = source.load("one_frame").state_dict()[key]
                assert len(set((values - before).round().tolist())) == 1
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for step in range(4):
            ladder.state_dict()[key].copy_(before + step)
            save_predictor(copy, "one_frame", ladder, training={"step": step}, scores={})
    finally:
        done.set()
        for reader in readers:
            reader.join()
        ladder.state_dict()[key].copy_(before)
    assert not failures


# --- what is not saved -------------------------------------------------------------------------------------------


def test_nothing_bad_is_written(
    copy: Path, ladders: dict[str, Ladder], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ladder = ladders["lvln"]
    kept = (copy / "lvln" / WEIGHTS).read_bytes()
    bias = ladder.state_dict()[BIAS]
    before = bias.clone()
    try:
        for value in (float("nan"), float("inf")):
            bias[0] = value
            with complaint("Not saved", BIAS):
                save_predictor(copy, "lvln", ladder, training={}, scores={})
    finally:
        bias.copy_(before)
    with complaint("no predictor 'best'", "lvln"):
        save_predictor(copy, "best", ladder, training={}, scores={})
    with complaint("bfloat16 or float32", "int8"):
        save_predictor(copy, "lvln", ladder, training={}, scores={}, precision="int8")
    for scores in ({"psnr": float("nan")}, {"psnr": torch.ones(1)}):
        with complaint("Not saved", "JSON"):
            save_predictor(copy, "lvln", ladder, training={}, scores=scores)
    with complaint("encoder", "missing"):
        save_predictor(tmp_path_factory.mktemp("empty"), "lvln", ladder, training={}, scores={})
    with torch.no_grad():
        ladder.encoder.conv1.bias += 1
        try:
            with complaint("encoder is not the one"):
                save_predictor(copy, "lvln", ladder, training={}, scores={})
        finally:
            ladder.encoder.conv1.bias -= 1
    (copy / "file").write_text("", encoding="utf-8")
    with complaint("cannot be written"):
        save_encoder(copy / "file", ladder, provenance="")
    assert (copy / "lvln" / WEIGHTS).read_bytes() == kept


# --- places ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["/no/such/folder", "", "  ", "s3://bucket/x", "https://huggingface.co/spaces/a/b", "a\0b"]
)
def test_no_such_place(spec: str) -> None:
    with complaint("bundled", "hf://owner/name@revision"):
        open_checkpoints(spec)


def test_files_are_no_places(tmp_path: Path) -> None:
    (tmp_path / "weights.PT").write_bytes(b"")
    (tmp_path / WEIGHTS).write_bytes(b"")
    with complaint("pickled", "refused"):
        open_checkpoints(str(tmp_path / "weights.PT"))
    with complaint("is a file", "hf://owner/name"):
        open_checkpoints(str(tmp_path / WEIGHTS))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_forbidden_folder(copy: Path) -> None:
    source = open_checkpoints(str(copy))
    (copy / "lvln" / WEIGHTS).chmod(0)
    with complaint("cannot be read"):
        source.load("lvln")
    copy.chmod(0)
    try:
        with complaint("cannot be read"):
            open_checkpoints(str(copy))
    finally:
        copy.chmod(0o700)


def test_names(saved: Path, copy: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("best", "encoder", "../lvln", "", "lvln/"):
        with complaint("no predictor", "holds lvln, one_frame, full_res"):
            open_checkpoints(str(saved)).load(name)
    shutil.rmtree(copy / "lvln")
    with complaint("no lvln/config.json", "holds one_frame, full_res"):
        open_checkpoints(str(copy)).load("lvln")
    with complaint("holds no predictor"):
        open_checkpoints(str(tmp_path_factory.mktemp("empty"))).load("lvln")


# --- weights -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", layout.PICKLES)
def test_pickles_are_refused(copy: Path, suffix: str) -> None:
    (copy / "lvln" / WEIGHTS).rename(copy / "lvln" / f"model{suffix}")
    with complaint("pickled", "refused", f"lvln/model{suffix}", "save_predictor"):
        open_checkpoints(str(copy)).load("lvln")
    (copy / "lvln" / CONFIG).unlink()
    with complaint("pickled", f"lvln/model{suffix}"):
        open_checkpoints(str(copy)).load("lvln")


def test_a_renamed_pickle(copy: Path) -> None:
    torch.save({"a": torch.ones(3)}, copy / "lvln" / WEIGHTS)
    with complaint("not a complete safetensors file"):
        open_checkpoints(str(copy)).load("lvln")


@FEW
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated(saved: Path, tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    folder = tmp_path_factory.getbasetemp() / "truncated"
    whole = (saved / "lvln" / WEIGHTS).read_bytes()
    data = whole[: int(share * len(whole))]
    header = 8 + int.from_bytes(whole[:8], "little")
    promise = f"header promises {len(whole):,}" if len(data) >= header else "not a complete safetensors file"
    (folder / "lvln").mkdir(parents=True, exist_ok=True)
    shutil.copy(saved / "lvln" / CONFIG, folder / "lvln" / CONFIG)
    (folder / "lvln" / WEIGHTS).write_bytes(data)
    with complaint("lvln/model.safetensors", f"{len(data):,} bytes", promise, "Delete", "download"):
        open_checkpoints(str(folder)).load("lvln")


def test_truncated_encoder(copy: Path, saved: Path) -> None:
    (copy / "encoder").unlink()
    with complaint("no encoder/config.json"):
        open_checkpoints(str(copy)).load("lvln")
    shutil.copytree(saved / "encoder", copy / "encoder")
    whole = (copy / "encoder" / WEIGHTS).read_bytes()
    (copy / "encoder" / WEIGHTS).write_bytes(whole[:-1])
    with complaint("encoder", f"{len(whole) - 1:,} bytes", f"{len(whole):,}", "Delete"):
        open_checkpoints(str(copy)).load("lvln")
    (copy / "encoder" / WEIGHTS).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with complaint("not the encoder that this predictor was trained with", "SHA-256"):
        open_checkpoints(str(copy)).load("lvln")
    (copy / "encoder" / WEIGHTS).unlink()
    with complaint("no encoder/model.safetensors", "incomplete"):
        open_checkpoints(str(copy)).load("lvln")


@FEW
@given(data=st.data())
def test_bit_flips_in_the_header(saved: Path, ladders: dict[str, Ladder], data: st.DataObject) -> None:
    """With or without a hash to compare, a damaged header gives an error or, at worst, the same network."""
    raw = bytearray((saved / "lvln" / WEIGHTS).read_bytes())
    header = 8 + int.from_bytes(raw[:8], "little")
    for position in data.draw(st.lists(st.integers(0, 8 * header - 1), min_size=1, max_size=3, unique=True)):
        raw[position // 8] ^= 1 << position % 8
    state = ladders["lvln"].state_dict()
    expected = {key: value.to("meta") for key, value in state.items() if not key.startswith("encoder.")}
    path = Path("lvln") / WEIGHTS
    try:
        tensors = fitted(parse_tensors(bytes(raw), path), expected, path)
    except CheckpointError as error:
        assert "lvln" in str(error)
    else:
        assert {key: value.shape for key, value in tensors.items()} == {k: v.shape for k, v in expected.items()}


def test_a_flipped_bit_in_the_numbers(copy: Path) -> None:
    raw = bytearray((copy / "lvln" / WEIGHTS).read_bytes())
    raw[-1000] ^= 1
    (copy / "lvln" / WEIGHTS).write_bytes(raw)
    with complaint("lvln/model.safetensors", "SHA-256", "Delete"):
        open_checkpoints(str(copy)).load("lvln")


BIAS = "decoder.L1.conv.bias"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(BIAS), ["does not fit", f"missing {BIAS}"]),
        (lambda t: t.update(more=torch.ones(1)), ["does not fit", "unexpected more"]),
        (lambda t: t.update({"encoder.conv1.bias": torch.ones(64)}), ["unexpected encoder.conv1.bias"]),
        (lambda t: t.update({"bad\n" * 200: torch.ones(1)}), ["unexpected 'bad\\n"]),
        (lambda t: t.update({BIAS: torch.ones(7)}), ["wrong shape", f"{BIAS} [7] for [4]"]),
        (lambda t: t.update({BIAS: torch.ones(4, 1)}), ["wrong shape", "[4, 1] for [4]"]),
        (lambda t: t.update({BIAS: torch.ones(4, dtype=torch.int32)}), ["wrong type", "int32"]),
        (lambda t: t.update({BIAS: torch.ones(4, dtype=torch.float64)}), ["wrong type", "float64"]),
        (lambda t: t.update({BIAS: torch.full((4,), float("nan"))}), ["not finite", BIAS]),
        (lambda t: t.update({BIAS: torch.tensor([0, 0, 0, -float("inf")])}), ["not finite", BIAS]),
        (lambda t: t.clear(), ["missing", "more"]),
        (lambda t: t.update(more=torch.ones(3_000_000)), ["too large", "bytes"]),
    ],
    ids=["missing", "extra", "encoder", "odd-name", "shape", "rank", "int", "double", "nan", "inf", "empty", "huge"],
)
def test_tensors_that_do_not_fit(copy: Path, change: Callable, words: list[str]) -> None:
    edit(copy, "lvln", change)
    with complaint("lvln/model.safetensors", *words):
        open_checkpoints(str(copy)).load("lvln")


@pytest.mark.parametrize(
    ("name", "part", "value"),
    [
        ("one_frame", "decoder.L2.norm.running_var", -1.0),  # its square root is not a number
        ("lvln", "blend.output.weight", 3e38),
        ("full_res", "decoder.L1.conv.weight", -3e38),
    ],
)
def test_weights_that_are_finite_but_predict_what_is_not(
    copy: Path, ladders: dict[str, Ladder], name: str, part: str, value: float
) -> None:
    kept = (copy / name / WEIGHTS).read_bytes()
    tensor = ladders[name].state_dict()[part]
    before = tensor.clone()
    ruined = tensor.fill_(value).clone()
    try:
        with complaint(f"{name} is not saved", "predict numbers that are not finite"):
            save_predictor(copy, name, ladders[name], training={}, scores={})
    finally:
        tensor.copy_(before)
    assert (copy / name / WEIGHTS).read_bytes() == kept
    edit(copy, name, lambda t: t.update({part: ruined}))
    with complaint(f"{name}/model.safetensors", "predict numbers that are not finite"):
        open_checkpoints(str(copy)).load(name)


def test_half_precision_and_no_hash_are_fine(copy: Path) -> None:
    edit(copy, "lvln", lambda t: t.update({BIAS: torch.full((4,), 0.5, dtype=torch.float16)}))
    edit_config(copy, "lvln", weights_sha256=...)
    assert open_checkpoints(str(copy)).load("lvln").state_dict()[BIAS].tolist() == [0.5] * 4


# --- configurations ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@FEW
@given(raw=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_config_garbage(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "garbage"
    (folder / "lvln").mkdir(parents=True, exist_ok=True)
    (folder / "lvln" / CONFIG).write_bytes(raw)
    with complaint("lvln/config.json"):
        open_checkpoints(str(folder)).config("lvln")


@FEW
@given(data=st.data())
def test_config_with_a_field_of_garbage(
    saved: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A config is read, or it is an error that names the file; the network is never built from nonsense."""
    folder = tmp_path_factory.getbasetemp() / "field"
    (folder / "lvln").mkdir(parents=True, exist_ok=True)
    config = json.loads((saved / "lvln" / CONFIG).read_text(encoding="utf-8"))
    where = data.draw(st.sampled_from([config, config["ladder"]]))
    where[data.draw(st.sampled_from(sorted(where)) | st.text(max_size=5))] = data.draw(JSON)
    (folder / "lvln" / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    source = open_checkpoints(str(folder))
    try:
        source.config("lvln")
    except CheckpointError as error:
        assert "lvln/config.json" in str(error)
    with complaint("lvln"):
        source.load("lvln")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": 2}, ["format 2", "Update the explorer"]),
        ({"format": True}, ['no "format"']),
        ({"format": ...}, ['no "format"']),
        ({"kind": "encoder"}, ['"predictor"', "'encoder'"]),
        ({"precision": "int8"}, ["precision", "bfloat16 or float32"]),
        ({"ladder": ...}, ["ladder"]),
        ({"ladder": {"height": 32}}, ["does not fit"]),  # what is not said has its default: another network
        ({"ladder": {"height": 32, "head": "warp"}}, ["ladder", "unknown", "head"]),
        ({"encoder_sha256": "abc"}, ["encoder_sha256", "64"]),
        ({"encoder_sha256": "0" * 64}, ["not the encoder", "same checkpoint"]),
        ({"weights_sha256": "0" * 64}, ["not the file that its config.json was written for"]),
        ({"weights_sha256": 3}, ["weights_sha256", "64"]),
    ],
    ids=str,
)
def test_config_fields(copy: Path, fields: dict, words: list[str]) -> None:
    edit_config(copy, "lvln", **fields)
    with complaint(*words):
        open_checkpoints(str(copy)).load("lvln")


@pytest.mark.parametrize(
    "raw", [b"", b"[" * 100_000, b"9" * 10_000, b'{"format": 1e999}', b"\xff\xfe{}", b" " * (1 << 20) + b"{}"]
)
def test_config_extremes(copy: Path, raw: bytes) -> None:
    (copy / "lvln" / CONFIG).write_bytes(raw)
    with complaint("lvln/config.json"):
        open_checkpoints(str(copy)).load("lvln")


def test_the_largest_network_allocates_nothing(copy: Path) -> None:
    """A crafted config may describe terabytes: the file beside it is far too short, and that is all that happens."""
    ladder = json.loads((copy / "lvln" / CONFIG).read_text(encoding="utf-8"))["ladder"]
    ladder |= {"gru_widths": [2048] * 4, "decoder_width": 2048, "lateral_width": 2048, "height": 1024, "width": 1024}
    edit_config(copy, "lvln", ladder=ladder)
    with complaint("does not fit", "wrong shape"):
        open_checkpoints(str(copy)).load("lvln")


def test_folders_in_place_of_files(copy: Path) -> None:
    source = open_checkpoints(str(copy))
    (copy / "lvln" / WEIGHTS).unlink()
    (copy / "lvln" / WEIGHTS).mkdir()
    with complaint("no lvln/model.safetensors"):
        source.load("lvln")
    (copy / "lvln" / CONFIG).unlink()
    (copy / "lvln" / CONFIG).mkdir()
    with complaint("no lvln/config.json"):
        source.load("lvln")
