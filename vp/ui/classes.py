"""What the action classifier makes of a clip, as JSON for the Classes view and the API."""

from __future__ import annotations

import numpy as np

from vp.action_classifier import Classification
from vp.limits import FPS
from vp.models import KERNELS, TITLES
from vp.render import film_strip, png

from .payload import data_url

CLASSES = 8  # whose course is shown
FILTERS = 12  # the ones that say most


def strongest_filters(result: Classification, count: int = FILTERS) -> list[dict]:
    """The filters that speak loudest for or against the top class: {"block", "kernel", "filter", "evidence"}."""
    every = [
        {"block": b, "kernel": k, "filter": i, "evidence": round(float(value), 5)}
        for b in result.evidence
        for k in KERNELS
        for i, value in enumerate(result.evidence[b][k])
    ]
    return sorted(every, key=lambda f: -abs(f["evidence"]))[:count]


def memories(result: Classification) -> dict[str, dict[str, float]]:
    """What each ConvGRU says for the top class, {block: {kernel: evidence}}."""
    return {b: {k: round(float(result.evidence[b][k].sum()), 5) for k in KERNELS} for b in result.evidence}


def classification_payload(result: Classification, predictor: str) -> dict:
    """For the page. ranking: all classes with their scores, best first; course: a number for each frame at `fps`;
    pictures and heat: strips of the looks, left to right; heat is grey, 127.5 for nothing, brighter for the class,
    darker against it."""
    ranking = np.argsort(-result.scores, kind="stable")
    order = ranking[:CLASSES]
    # One scale for all looks: when it speaks is as much the question as where.
    peak = max(float(np.percentile(np.abs(result.heat), 99.7)), 1e-9)
    grey = np.clip(result.heat / peak * 127.5 + 128, 0, 255).astype(np.uint8)
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
        "heat": data_url(png(np.concatenate(list(grey), axis=1))),
        "heat_size": list(result.heat.shape[1:]),
        "memories": memories(result),
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
        "strangeness": None if result.strangeness is None else round(result.strangeness, 3),
        "scores": {result.classes[i]: round(float(result.scores[i]), 5) for i in order},
        "course": {result.classes[i]: [round(float(v), 4) for v in result.course[:, i]] for i in order[:CLASSES]},
        "fps": FPS,
        "evidence": memories(result),
        "filters": strongest_filters(result),
        "predictor": predictor,
        "seconds": round(result.seconds, 3),
    }
