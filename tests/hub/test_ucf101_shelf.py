"""UCF101 in the layout of its default source on the Hub: single clips below train/ and test/, a csv, one commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from vp.clips.thumbnails import HEADS
from vp.ucf101 import ON_THE_HUB

from .conftest import LIMIT_FILES, Client, Failed
from .hub_server import Hub, Repo

COMMIT = ON_THE_HUB.rpartition("@")[2]
REPO = "datasets/bitmind/UCF101-Videos"
FIRST = "test/Archery/v_Archery_g01_c01.avi"
OPEN = "from vp.clips import open_clips\n"
LIST = OPEN + "s = open_clips(spec); result = [s.spec, [c.id for c in s.search(limit=99)], s.labels]"
FETCH = OPEN + "shares = []; result = [len(open_clips(spec).path(id, shares.append).read_bytes()), shares]"


@pytest.fixture(scope="module")
def avi(tmp_path_factory: pytest.TempPathFactory, moving: Callable[..., np.ndarray]) -> bytes:
    """A clip as UCF101 has them: MPEG-4 in AVI, 320x240, several times as long as what its thumbnail takes."""
    path = tmp_path_factory.mktemp("avi") / "clip.avi"
    noise = np.random.default_rng(0).integers(0, 60, (50, 240, 320, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"b": "3000000"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in moving(50, 240, 320) // 2 + noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    assert len(data) > 4 * HEADS[0]
    return data


@pytest.fixture
def ucf101(hub: Hub, avi: bytes) -> dict[str, bytes]:
    """The files of the default source, at its commit."""
    files = {"README.md": b"# UCF101", "train.csv": b"clip_name,clip_path,label\n", "test.csv": b""}
    for label in ("Archery", "Knitting"):
        for part, group in (("test", 1), ("train", 8), ("train", 9)):
            # Different files, as the Hub's storage goes by content.
            files[f"{part}/{label}/v_{label}_g{group:02d}_c01.avi"] = avi + label.encode() + bytes([group])
    hub.repos[REPO] = Repo(commits={COMMIT: files}, refs={"main": COMMIT})
    return files


@pytest.fixture
def fresh(hub: Hub, tmp_path: Path) -> Client:
    """A client that has visited nothing yet."""
    client = Client(hub, tmp_path)
    yield client
    client.close()


def failure(client: Client, code: str = FETCH, **values: str) -> str:
    """The one line of the ClipError that the code raises."""
    with pytest.raises(Failed) as caught:
        client(code, **{"spec": "ucf101", "id": FIRST} | values)
    assert caught.value.kind == "ClipError", caught.value
    assert Hub.token not in caught.value.message and "\n" not in caught.value.message
    return caught.value.message


def test_listing_thumbnail_clip_and_the_days_without_a_network(hub: Hub, ucf101: dict, fresh: Client) -> None:
    listed = fresh(LIST, spec="ucf101")
    videos = sorted(file for file in ucf101 if file.endswith(".avi"))
    assert listed == [ON_THE_HUB, videos, {"Archery": 3, "Knitting": 3}]
    assert [r.path for r in hub.log] == [f"/api/{REPO}/revision/{COMMIT}"]  # one question, no file

    # A thumbnail takes the beginning of a clip, once.
    code = OPEN + "from PIL import Image\nresult = Image.open(open_clips(spec).thumbnail(id)).size"
    for _ in range(2):
        assert fresh(code, spec="ucf101", id=FIRST) == [160, 120]
    (got,) = hub.requests("/lfs/", "GET")
    assert got.headers["range"] == f"bytes=0-{HEADS[0] - 1}"

    size, shares = fresh(FETCH, spec="ucf101", id=FIRST)
    assert size == len(ucf101[FIRST])
    assert shares == sorted(shares) and len(shares) > 3 and shares[-1] == 1
    assert fresh(FETCH, spec="ucf101", id=FIRST) == [size, []]  # it is here

    asked = len(hub.log)
    assert fresh(LIST, spec="ucf101") == listed
    assert len(hub.log) == asked  # a commit does not change
    hub.stop()
    try:
        assert fresh(LIST, spec="ucf101") == listed
        assert fresh(FETCH, spec="ucf101", id=FIRST) == [size, []]
        message = failure(fresh, id=videos[1])
        assert "no network" in message and "--clips" in message and "a folder" in message
        nothing = OPEN + "result = open_clips(spec).thumbnail(id)"
        assert fresh(nothing, spec="ucf101", id=videos[1]) is None
    finally:
        hub.start()


def test_addresses_of_pages(hub: Hub, ucf101: dict, fresh: Client) -> None:
    web = f"{hub.url}/{REPO}/tree/{COMMIT}/"
    for spec in (web, f"HF://{REPO}@{COMMIT}/", f"https://huggingface.co/{REPO}/commit/{COMMIT}"):
        assert fresh(LIST, spec=spec)[0] == ON_THE_HUB
    assert fresh(LIST, spec=f"hf://{REPO}/")[0] == f"hf://{REPO}"


def test_what_stands_in_the_way_is_told(hub: Hub, ucf101: dict, fresh: Client, tmp_path: Path) -> None:
    hub.stop()
    try:
        message = failure(fresh)
        assert "no network" in message and "list of files" in message and "a folder" in message
    finally:
        hub.start()
    assert "no such branch, tag or commit" in failure(fresh, spec=f"hf://{REPO}@v9")
    assert "HF_TOKEN" in failure(fresh, spec="hf://datasets/me/absent")
    hub.repos["datasets/me/gated"] = Repo(gated=True, commits=hub.repos[REPO].commits, refs=hub.repos[REPO].refs)
    fresh("import os; os.environ['HF_TOKEN'] = ''")
    message = failure(fresh, spec="hf://datasets/me/gated")
    assert "gated" in message and "HF_TOKEN" in message and "page on the Hub" in message
    fresh("import os; os.environ['HF_TOKEN'] = token", token=hub.token)
    for status in (429, 503):
        hub.fault("/resolve/", status=status)
        message = failure(fresh)
        assert str(status) in message and "Try again" in message
    offline = Client(hub, tmp_path, HF_HUB_OFFLINE="1")
    try:
        assert "HF_HUB_OFFLINE" in failure(offline)
    finally:
        offline.close()
    assert fresh(FETCH, spec="ucf101", id=FIRST)[0] == len(ucf101[FIRST])


def test_a_clip_that_is_cut(hub: Hub, ucf101: dict, fresh: Client) -> None:
    stored = f"/lfs/{hashlib.sha256(ucf101[FIRST]).hexdigest()}"
    fault = hub.fault(stored, method="GET", cut=150_000)
    assert fresh(FETCH, spec="ucf101", id=FIRST)[0] == len(ucf101[FIRST])  # it went on where it was
    assert fault.times == 0
    assert [r.headers["range"] for r in hub.requests(stored, "GET") if "range" in r.headers] == ["bytes=131072-"]
    # Fewer bytes than promised, whole as far as the connection knows.
    other = "test/Knitting/v_Knitting_g01_c01.avi"
    stored = f"/lfs/{hashlib.sha256(ucf101[other]).hexdigest()}"
    hub.fault(stored, method="GET", content=lambda data: data[:100_000])
    assert "Try again" in failure(fresh, id=other)
    assert fresh(FETCH, spec="ucf101", id=other)[0] == len(ucf101[other])


def test_no_room_and_no_place(hub: Hub, ucf101: dict, fresh: Client, tmp_path: Path) -> None:
    fresh(LIMIT_FILES, size=100_000)
    try:
        message = failure(fresh)
    finally:
        fresh(LIMIT_FILES, size=0)
    assert "the disk is full" in message and "HF_HOME" in message
    assert fresh(FETCH, spec="ucf101", id=FIRST)[0] == len(ucf101[FIRST])
    (tmp_path / "a file").write_text("")
    blocked = Client(hub, tmp_path, HF_HOME=str(tmp_path / "a file" / "hf"))
    try:
        message = failure(blocked)
        assert "cannot be stored" in message and "HF_HOME" in message
        assert blocked(LIST, spec="ucf101")[0] == ON_THE_HUB  # what needs no place works
    finally:
        blocked.close()


def test_training_data_from_the_hub(hub: Hub, ucf101: dict, fresh: Client, tmp_path: Path) -> None:
    code = """
    import sys
    from train.cache import main
    sys.argv = ["cache", "--data", spec, "--cache", cache, "--workers", "1", "--part", part]
    try:
        result = main()
    except SystemExit as error:
        result = str(error)
    """
    spec, cache = f"hf://{REPO}@{COMMIT}", tmp_path / "cache"
    assert fresh(code, spec=spec, cache=str(cache), part="train") is None
    names = [json.loads(line)[0] for line in (cache / "index.jsonl").read_text().splitlines()]
    assert names == ["v_Archery_g09_c01", "v_Knitting_g09_c01"]
    assert np.load(cache / "v_Archery_g09_c01.npy", mmap_mode="r").shape == (50, 128, 160, 3)
    assert len(hub.requests("/lfs/", "GET")) == 2  # of other groups nothing was fetched
    hub.stop()
    try:
        message = fresh(code, spec=spec, cache=str(cache), part="validation")
        assert message.startswith("error: ") and "no network" in message
        prepare = """
        from pathlib import Path
        from train.data.sources import prepare
        options = {"kind": "ucf101", "clips": 2, "splits": None}
        result = prepare(Path(spec), Path(cache), **options).train
        """
        assert fresh(prepare, spec=spec, cache=str(cache)) == names
    finally:
        hub.start()


def test_every_command_takes_clips_of_the_hub(hub: Hub, ucf101: dict, fresh: Client, tmp_path: Path) -> None:
    """What `train.evaluate`, `fit_classifier` and `fit_predictor` ask for, by the address of a page too."""
    code = """
    import argparse
    from pathlib import Path
    from train import evaluate, fit_classifier
    from train.classifier import features
    from train.data.sources import prepare
    asked = []
    def score(predictors, cache, clips, training, **options):
        asked.append([[clip.name for clip in some] for some in (clips, training)])
        raise ValueError("enough")
    evaluate.score = score
    def compute(args, clips, folder, blocks):
        asked.append([clip.name for clip in clips])
    features.compute = compute
    import sys
    messages = []
    for module, words in ((evaluate, ["--part", "validation"]), (fit_classifier, ["classifier", "--out", out])):
        sys.argv = ["x", "--data", spec, "--cache", cache, *words]
        sys.argv += ["--features", cache + "/features"] if module is fit_classifier else []
        try:
            module.main()
        except SystemExit as error:
            messages.append(str(error))
    options = {"kind": "ucf101", "clips": 1, "splits": None}
    result = [asked, messages, prepare(spec, Path(cache), **options).train]
    """
    page = f"{hub.url}/{REPO}/tree/{COMMIT}"
    (tmp_path / "out" / "lvln").mkdir(parents=True)
    asked, messages, train = fresh(code, spec=page, cache=str(tmp_path / "cache"), out=str(tmp_path / "out"))
    validation, training = (["v_Archery_g08_c01", "v_Knitting_g08_c01"], ["v_Archery_g09_c01", "v_Knitting_g09_c01"])
    assert asked == [[validation, training], sorted(validation + training)]
    assert messages[0] == "error: enough" and messages[1].startswith("error: ") and train == training[:1]
    hub.stop()
    try:
        missing = "from train.data.clip_files import find_data\nresult = [str(c.path) for c in find_data(spec)[0]]"
        assert len(fresh(missing, spec=page)) == 6
    finally:
        hub.start()
