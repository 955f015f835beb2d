"""Score predictors against repeating the last frame, on fixed windows.

    python -m train.evaluate --data DIR --checkpoints bundled --part validation

10 fps, windows evenly spaced over each clip; PSNR and SSIM per step with a 95 % bootstrap interval of the gain over
clips, and the sharpness ratio (mean picture gradient of the prediction over the truth's).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from vp import load_predictor
from vp.metrics import psnr, sharpness, ssim
from vp.models import NAMES

from .cache import build
from .data import fixed_windows
from .splits import find_clips, select


def bootstrap(values: np.ndarray, groups: np.ndarray, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of `values`, resampling whole groups: windows of one clip are not independent."""
    names, index = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(index, values), np.bincount(index)
    picks = np.random.default_rng(seed).integers(0, len(names), (draws, len(names)))
    means = sums[picks].sum(1) / counts[picks].sum(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def score(name: str, checkpoints: str, cache: Path, clips: list[str], per_clip: int, horizon: int = 3) -> dict:
    """Scores of one predictor, each a list with one number a step."""
    predictor = load_predictor(name, checkpoints)
    seen = predictor.default_seen
    windows = fixed_windows(cache, clips, length=seen + horizon, size=predictor.size, per_clip=per_clip)
    rows = {key: [] for key in ("psnr", "copy_psnr", "ssim", "copy_ssim", "sharpness")}
    for i in tqdm(range(0, len(windows), 16), desc=name, unit="batch"):
        x = torch.stack([clip for _, _, clip in windows[i : i + 16]]).float().to(predictor.device) / 255
        with torch.inference_mode():
            out = predictor.model.rollout(x[:, :seen], horizon).frames[:, -horizon:].float().clamp(0, 1)
        truth, copy = x[:, seen:], x[:, seen - 1 : seen].expand(-1, horizon, -1, -1, -1)
        rows["psnr"].append(psnr(out, truth))
        rows["copy_psnr"].append(psnr(copy, truth))
        rows["ssim"].append(ssim(out, truth))
        rows["copy_ssim"].append(ssim(copy, truth))
        rows["sharpness"].append(sharpness(out) / sharpness(truth).clamp_min(1e-4))
    table = {key: torch.cat(values).cpu().numpy() for key, values in rows.items()}
    gain = table["psnr"] - table["copy_psnr"]
    names = np.array([name for name, _, _ in windows])
    result = {key: values.mean(0).round(4).tolist() for key, values in table.items()}
    result["gain"] = gain.mean(0).round(4).tolist()
    result["gain_interval"] = [[round(v, 3) for v in bootstrap(gain[:, k], names)] for k in range(horizon)]
    return result | {"model": name, "windows": len(windows), "clips": len(set(names))}


def markdown(results: list[dict]) -> str:
    """The results as a table, one row a step."""
    lines = ["| network | step | PSNR | repeated | gain (95 % interval) | SSIM | repeated | sharpness |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for r in results:
        for k, gain in enumerate(r["gain"]):
            low, high = r["gain_interval"][k]
            lines.append(
                f"| {r['model']} | {k + 1} | {r['psnr'][k]:.2f} | {r['copy_psnr'][k]:.2f} | "
                f"{gain:+.2f} dB ({low:+.2f} to {high:+.2f}) | {r['ssim'][k]:.3f} | {r['copy_ssim'][k]:.3f} | "
                f"{r['sharpness'][k]:.2f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=NAMES, action="append", help="default: all three")
    parser.add_argument("--checkpoints", default="bundled", help="bundled, a folder or hf://owner/name@revision")
    parser.add_argument("--data", type=Path, required=True, help="UCF101 folder: CLASS/v_CLASS_gXX_cYY.avi or .mp4")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--part", default="test", choices=("validation", "test"))
    parser.add_argument("--per-clip", type=int, default=4, help="windows per clip")
    parser.add_argument("--json", type=Path, default=None, help="write the numbers here")
    args = parser.parse_args()
    clips = select(find_clips(args.data), args.part)
    build(clips, args.cache)
    names = [clip.name for clip in clips]
    results = [score(m, args.checkpoints, args.cache, names, args.per_clip) for m in args.model or NAMES]
    print(markdown(results))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
