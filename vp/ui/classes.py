"""What the action classifier makes of a clip, as JSON for the Classes view and the API."""

from __future__ import annotations

import numpy as np

from vp.action_classifier import Classification
from vp.limits import FPS
from vp.models import KERNELS, TITLES
from vp.models.classifier_inputs import STREAMS
from vp.render import film_strip, png

from .payload import data_url

CLASSES = 8  # whose course is shown
FILTERS = 12  # the ones that say most


def strongest_filters(result: Classification, count: int = FILTERS) -> list[dict]:
    """The filters that speak loudest for or against the top class: {"block", "kernel", "filter", "evidence"}."""
    every = [
        {"block": b, "kernel": k, "filter": i, "evidence": round(float(value), 5)}
        for b, values in result.evidence.items()
        for k in KERNELS
        if k in values
        for i, value in enumerate(values[k].reshape(2, -1).sum(0))  # of its state and of how much that changed
    ]
    return sorted(every, key=lambda f: -abs(f["evidence"]))[:count]


def cues(result: Classification) -> dict[str, dict[str, float]]:
    """What each cue says for the top class, {block: {cue: evidence}}."""
    return {
        b: {name: round(float(part.sum()), 5) for name, part in values.items()} for b, values in result.evidence.items()
    }


def streams(result: Classification) -> dict[str, float]:
    """What each stream says for the top class."""
    return {stream: round(float(values.mean()), 5) for stream, values in result.by_stream.items()}


def classification_payload(result: Classification, predictor: str) -> dict:
    """For the page. ranking: all classes with their scores, best first; course, by_stream: a number for each frame at
    `fps`; pictures and heat: strips of the looks, left to right; heat is grey, 127.5 for nothing, brighter for the
    class, darker against it. order: the cues of each stream."""
    ranking = np.argsort(-result.scores, kind="stable")
    order = ranking[:CLASSES]
    heat = result.heat | {"both": sum(result.heat.values())}
    # One scale for all: when and in which stream it speaks is as much the question as where.
    peak = max(float(np.percentile(np.abs(heat["both"]), 99.7)), 1e-9)
    grey = {name: np.clip(maps / peak * 127.5 + 128, 0, 255).astype(np.uint8) for name, maps in heat.items()}
    return {
        "classes": [
            {"name": result.classes[i], "course": [round(float(v), 4) for v in result.course[:, i]]} for i in order
        ],
        "known": len(result.classes),
        "ranking": [[result.classes[i], round(float(result.scores[i]), 4)] for i in ranking],
        "unsure": result.unsure,
        "familiar": result.familiar,
        "frames": len(result.course),
        "fps": FPS,
        "looks": result.looks.tolist(),
        "size": list(result.pictures.shape[1:3]),
        "pictures": data_url(png(film_strip(result.pictures))),
        "heat": {name: data_url(png(np.concatenate(list(maps), axis=1))) for name, maps in grey.items()},
        "heat_size": list(heat["both"].shape[1:]),
        "cues": cues(result),
        "order": {stream: list(names) for stream, names in STREAMS.items()},
        "streams": streams(result),
        "by_stream": {stream: [round(float(v), 4) for v in values] for stream, values in result.by_stream.items()},
        "filters": strongest_filters(result),
        "predictor": predictor,
        "title": TITLES[predictor],
        "seconds": round(result.seconds, 3),
    }


def classification_numbers(result: Classification, predictor: str) -> dict:
    """For the API."""
    order = np.argsort(-result.scores, kind="stable")
    return {
        "top": result.classes[result.top],
        "unsure": result.unsure,
        "familiar": result.familiar,
        "distance": None if result.distance is None else round(result.distance, 3),
        "scores": {result.classes[i]: round(float(result.scores[i]), 5) for i in order},
        "course": {result.classes[i]: [round(float(v), 4) for v in result.course[:, i]] for i in order[:CLASSES]},
        "fps": FPS,
        "evidence": cues(result),
        "streams": streams(result),
        "filters": strongest_filters(result),
        "predictor": predictor,
        "seconds": round(result.seconds, 3),
    }
