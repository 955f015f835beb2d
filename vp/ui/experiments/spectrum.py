"""The grid that pixel shuffle can leave, looked for in power spectra."""

from __future__ import annotations

import numpy as np

import vp
from vp import render
from vp.models import TITLES

from ..payload import data_url
from ..registry import Answer, Subject, experiment

SPECTRUM_DB = 80.0  # what is weaker by more than this than the strongest is black


@experiment(
    order=5,
    title="Is there a grid?",
    about="Pixel shuffle can leave a pattern that repeats every 2, 4 or 8 pixels. In the picture it hides; in the "
    "spectrum, coarse detail in the middle and fine detail outside, it stands at the marked places. Beside "
    "this network, one of the paper's design: it paints every frame anew instead of moving the "
    "last one.",
    button="Look at the spectrum",
    window=("seen", "horizon"),
    file="spectrum.npz",
)
def spectrum(on: Subject) -> Answer:
    """Compare the power spectra of predicted and true frames, and look for the grid that pixel shuffle can leave.

    Returns:
        An .npz with truth and prediction (power in dB, [h, w], frequency zero at [h // 2, w // 2]), and a JSON object
        with model and grid: for patterns that repeat every 2, 4 and 8 pixels, how many times the truth's energy the
        prediction has (1 is no grid). Where a network of the paper's design is there to compare with, the
        .npz has paper and the object paper_grid too.
    """
    rollouts = {"grid": on.rollout, "paper_grid": on.explorer.paper(on.request.file, on.window)}
    rollouts = {name: rollout for name, rollout in rollouts.items() if rollout is not None}
    spectra = {name: vp.inspection.compare_spectra(rollout) for name, rollout in rollouts.items()}
    # JSON has no numbers for names.
    grids = {name: {str(period): value for period, value in pair.grid.items()} for name, pair in spectra.items()}
    ours = spectra["grid"]

    def drawing() -> dict:
        networks = []
        for name, rollout in rollouts.items():
            gains = np.subtract(rollout.scores["psnr"], rollout.scores["copy_last_psnr"])
            about = {"title": TITLES[rollout.model], "size": list(spectra[name].truth.shape), "grid": grids[name]}
            looks = _look(rollout.predictions, spectra[name].prediction, float(spectra[name].truth.max()))
            networks.append(about | looks | {"gain": float(gains.mean())})
        truth = _look(on.rollout.truth, ours.truth, float(ours.truth.max()))
        return {"networks": networks, "truth": truth, "range": SPECTRUM_DB}

    arrays = {"truth": ours.truth, "prediction": ours.prediction}
    if "paper_grid" in spectra:
        arrays["paper"] = spectra["paper_grid"].prediction
    return Answer({"model": on.rollout.model} | grids, drawing, lambda path: np.savez_compressed(path, **arrays))


def _look(frames: np.ndarray, power: np.ndarray, high: float) -> dict[str, str]:
    """The first of some frames and the spectrum of all, white at `high` dB, as pictures."""
    grey = np.clip(((power - high) / SPECTRUM_DB + 1) * 255 + 0.5, 0, 255).astype(np.uint8)
    return {"frame": data_url(render.png(render.film_strip(frames[:1]))), "spectrum": data_url(render.png(grey))}
