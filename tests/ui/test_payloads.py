"""What Python sends to the page is what static/types.d.ts and experiments.js say, and the scripts use nothing else: a
renamed field fails here, not before a visitor."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess

import pytest

from vp.clips import open_clips
from vp.clips.shelves import Shelf
from vp.explorer import Explorer
from vp.ui.experiments import EXPERIMENTS
from vp.ui.handlers import Handlers
from vp.ui.theme import STATIC

LINK = "#clip={}&model=one_frame&start=0.5&fps=10&seen=5&horizon=3"
PRIMITIVES = {"number": (int, float), "string": str, "boolean": bool}


def split(text: str, at: str) -> list[str]:
    """The pieces of a type between signs that stand in no bracket."""
    pieces, depth = [""], 0
    for sign in text:
        depth += (sign in "{[<(") - (sign in "}]>)")
        if sign in at and not depth:
            pieces.append("")
        else:
            pieces[-1] += sign
    return [piece.strip() for piece in pieces if piece.strip()]


@functools.cache
def types() -> dict[str, str]:
    declared = re.sub(r"//.*", "", (STATIC / "types.d.ts").read_text(encoding="utf-8")).replace("\n", " ")
    documented = re.sub(r"\n \*", "", (STATIC / "experiments.js").read_text(encoding="utf-8"))
    found = dict(re.findall(r"interface (\w+) (\{.*?\})(?= *(?:interface|type|declare))", declared))
    found |= {name: kind for kind, name in re.findall(r"@typedef \{(.*?)\} (\w+)(?= @typedef|/)", documented)}
    return found | dict(re.findall(r"\btype (\w+) = (\[[^]]*\]|\{[^}]*\});", declared))


def fields(kind: str) -> dict[str, str]:
    return dict(re.split(r":\s*", field, maxsplit=1) for field in split(kind[1:-1], ";"))


def joined(kind: str) -> str:
    """An intersection as one type: "Packed & { limit: number }" with the fields of both."""
    parts = split(kind, "&")
    if len(parts) == 1:
        return kind
    return "{" + ";".join(joined(types().get(part, part)).strip(" {};") for part in parts) + "}"


def conform(value: object, kind: str, place: str) -> None:
    """Fails unless a payload has the fields and types that a TypeScript type has."""
    choices = split(kind, "|")
    if value is None:
        assert "null" in choices, f"{place} is null"
        return
    kind = next(choice for choice in choices if choice != "null")
    kind = joined(types().get(kind, kind))
    if kind.endswith("[]"):
        assert isinstance(value, list), place
        for i, item in enumerate(value):
            conform(item, re.sub(r"^\((.*)\)$", r"\1", kind[:-2]), f"{place}[{i}]")
    elif match := re.fullmatch(r"Record<string, (.*)>", kind):
        assert isinstance(value, dict), place
        for name, item in value.items():
            conform(item, match[1], f"{place}.{name}")
    elif kind.startswith("["):
        parts = [re.sub(r"^\w+: ", "", part) for part in split(kind[1:-1], ",")]
        assert len(value) == len(parts), place
        for i, (item, part) in enumerate(zip(value, parts)):
            conform(item, part, f"{place}[{i}]")
    elif kind.startswith("{"):
        named = fields(kind)
        needed = {name for name in named if not name.endswith("?")}
        assert needed <= set(value) <= {name.rstrip("?") for name in named}, f"{place}: {sorted(value)}"
        for name, item in value.items():
            conform(item, named.get(name) or named[f"{name}?"], f"{place}.{name}")
    else:
        assert isinstance(value, PRIMITIVES[kind]), f"{place} is no {kind}: {value!r:.80}"
        assert kind == "boolean" or not isinstance(value, bool), place


@pytest.fixture(scope="module")
def handlers() -> Handlers:
    return Handlers(Explorer())


@pytest.fixture(scope="module")
def rollout(handlers) -> dict:
    return handlers.predict(handlers.follow(LINK.format(handlers.example_request().clip_id)))


def test_a_field_that_is_missing_renamed_or_of_another_type_is_found():
    good = {"key": "C1.3x3", "range": [0.0, 1.0]}
    kind = "{ key: string; range: [number, number]; note?: string | null }"
    conform(good, kind, "")
    conform(good | {"note": None}, kind, "")
    conform({"part": "C1.3x3", "curve": [0.5], "correlation": 1}, "AlikeCourse", "")
    with pytest.raises(AssertionError):
        conform({"part": "C1.3x3", "correlation": 1}, "AlikeCourse", "")
    for bad in ({"key": "C1.3x3"}, {"name": "x", "range": [0, 1]}, good | {"key": 3}, good | {"range": [0]}):
        with pytest.raises(AssertionError):
            conform(bad, kind, "")


def test_a_prediction(rollout):
    conform(rollout, "RolloutPayload", "rollout")


def test_what_is_served_at_once(handlers, rollout):
    key, served = rollout["key"], fields(types()["Served"])
    answers = {
        "list_clips": handlers.list_clips(0, "", "", 0),
        "random_clip": handlers.random_clip(0, "", ""),
        "activations": handlers.activations(key, "C1", "3x3", "z"),
        "life": handlers.life(key, "C1", "3x3", 1),
        "at_once": handlers.at_once("one_filter", key, {}),
        "crops": handlers.crops([["walk.mp4", 0.4, 0.5, 0.1], ["walk.mp4", 0.0, None, None], ["none.mp4", 0, 0, 0]]),
        "download": handlers.download(key, "png"),
        "circle_path": handlers.circle_path("circle:0,9,14,ffffff"),
    }
    assert set(served) == {*answers, "thumbnails"}
    for name, answer in answers.items():
        if served[name] != "any":
            conform(answer, served[name].removesuffix("& Failed").strip(), name)


def test_every_experiment(handlers, rollout):
    described = fields(types()["Experiments"])
    assert set(described) == set(EXPERIMENTS)
    for name, kind in described.items():
        conform(handlers.inspect(name, rollout["key"], {}), kind, name)


def test_fetched_clips_are_looked_for_only_where_a_shelf_of_the_hub_is_open(handlers, rollout, monkeypatch):
    looked = []
    monkeypatch.setattr(handlers, "_grow", looked.append)
    shelf = Shelf("ucf101", "UCF101", "ucf101:")
    monkeypatch.setattr(handlers.explorer, "shelves", (handlers.explorer.shelves[0], shelf))
    handlers.at_once("one_filter", rollout["key"], {})
    assert looked == []
    monkeypatch.setattr(shelf._source, "_source", open_clips("bundled"))  # somebody opened it
    handlers.at_once("one_number", rollout["key"], {})
    assert looked == []
    handlers.at_once("one_filter", rollout["key"], {})
    assert looked == ["one_frame"]


def test_a_classification(handlers, rollout):
    *_, answer = handlers.classify(rollout["key"], ["C1"])
    conform(answer, "Classification", "classification")


def test_the_scripts_use_what_there_is():
    tsc = os.environ.get("VP_TSC") or shutil.which("tsc")
    if tsc is None:
        pytest.skip("no tsc: npm install -g typescript, or VP_TSC=PATH")
    ran = subprocess.run([tsc, "-p", STATIC / "jsconfig.json"], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout
