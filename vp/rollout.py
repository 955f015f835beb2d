"""What one run of a predictor on one window of a clip produced. Every view reads this and computes nothing again."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

QUANTITIES = ("h", "dh", "z", "r", "n")


@dataclass(frozen=True)
class Rollout:
    """A predictor's run: `seen` frames in, `horizon` predictions out.

    Frames are float32 arrays [T, h, w, 3] in [0, 1] at the model's size. There are steps = seen + horizon - 1
    steps; step t reads frame t (a prediction, from step `seen` on) and predicts the frame after it.

    model: preset name. seen_frames: [seen, h, w, 3].
    predictions: [horizon, h, w, 3], clipped. truth: [up to horizon, h, w, 3], as far as the clip goes.
    one_step: [seen - 1, h, w, 3], what was predicted for seen frames 2, 3, ... while seeing.
    states[block][kernel]: ConvGRU states h, [steps, C, mh, mw] in [-1, 1].
    gates[block][kernel]: {"z", "r", "n"} -> the same shape; z and r in [0, 1], n in [-1, 1].
    flow: [steps, h, w, 2] in pixels (right, down), from a new frame back to the last, and mask [steps, h, w] in [0, 1],
        how much of each pixel is painted: networks that move pixels, else None. levels: {block: [steps, mh, mw, 2]},
        the flow in pixels as it stands after that block, C4 first; empty for other networks.
    seconds: time the network took.
    """

    model: str
    seen_frames: np.ndarray
    predictions: np.ndarray
    truth: np.ndarray
    one_step: np.ndarray
    states: dict[str, dict[str, np.ndarray]] = field(repr=False)
    gates: dict[str, dict[str, dict[str, np.ndarray]]] = field(repr=False)
    flow: np.ndarray | None
    mask: np.ndarray | None
    seconds: float
    levels: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def seen(self) -> int:
        """Number of frames seen."""
        return len(self.seen_frames)

    @property
    def horizon(self) -> int:
        """Number of frames predicted."""
        return len(self.predictions)

    @property
    def steps(self) -> int:
        """Number of steps the network made."""
        return self.seen + self.horizon - 1

    @property
    def copy_last(self) -> np.ndarray:
        """The baseline: the last seen frame, repeated. [horizon, h, w, 3]."""
        return np.broadcast_to(self.seen_frames[-1], self.predictions.shape)

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        gates = [q for block in self.gates.values() for kernel in block.values() for q in kernel.values()]
        states = [h for block in self.states.values() for h in block.values()]
        frames = [
            self.seen_frames,
            self.predictions,
            self.truth,
            self.one_step,
            self.flow,
            self.mask,
            *self.levels.values(),
        ]
        return sum(a.nbytes for a in gates + states + frames if a is not None)

    @cached_property
    def tuned_flow(self) -> np.ndarray | None:
        """The stronger baseline: the optical flow of the last two seen frames carried on, see `vp.baselines`.
        [horizon, h, w, 3]; None where one frame was seen, and without OpenCV."""
        from .baselines import carried_on

        try:
            return carried_on(self.seen_frames, self.horizon) if self.seen > 1 else None
        except ImportError:
            return None

    @cached_property
    def scores(self) -> dict[str, list[float]]:
        """psnr (dB), ssim, copy_last_psnr, copy_last_ssim, flow_psnr and flow_ssim, each per step that has a true
        frame; those of the tuned flow are empty where there is none."""
        import torch  # here: who shows a rollout need not wait for it

        from .metrics import psnr, ssim

        def tensor(frames: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2)

        methods = {"": self.predictions, "copy_last_": self.copy_last, "flow_": self.tuned_flow}
        truth, scores = tensor(self.truth), {}
        for name, frames in methods.items():
            made = None if frames is None else tensor(frames[: len(self.truth)])
            for metric, measure in (("psnr", psnr), ("ssim", ssim)):
                scores[name + metric] = [] if made is None else measure(made, truth).tolist()
        return scores

    def activation(self, block: str, kernel: str, quantity: str) -> np.ndarray:
        """One quantity of a ConvGRU, [steps, C, mh, mw] float32.

        quantity: "h" state, "dh" change of the state, "z" update gate, "r" reset gate, "n" candidate state.
        Raises KeyError for an unknown block, kernel or quantity.
        """
        if quantity not in QUANTITIES:
            raise KeyError(f"no quantity {quantity!r}; there are {', '.join(QUANTITIES)}")
        if quantity in ("h", "dh"):
            h = self.states[block][kernel].astype(np.float32)
            # Before the first step the state is zero.
            return h if quantity == "h" else np.diff(h, axis=0, prepend=np.zeros_like(h[:1]))
        return self.gates[block][kernel][quantity].astype(np.float32)
