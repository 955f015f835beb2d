"""Measure the clips as a predictor sees them: python -m assets.make_clips.check [FOLDER]

Frames are taken at 10 fps and scaled to 96x64. Prints, for each clip, the mean absolute
difference of successive frames (of 255), the PSNR of copying the last frame, the least
difference of any pair (0 would be a stand-still), length and size. With --sheet FILE also
draws a contact sheet, one row a clip.
"""

import argparse
from pathlib import Path

import av
import numpy as np
from PIL import Image


def read(path):
    """All frames of a clip as RGB images, and its frame rate."""
    with av.open(str(path)) as box:
        rate = float(box.streams.video[0].average_rate)
        return [frame.to_image() for frame in box.decode(video=0)], rate


def measure(images, rate):
    pick = np.arange(0, len(images) - 0.01, rate / 10).astype(int)
    small = np.stack([np.asarray(images[i].resize((96, 64), Image.Resampling.BOX), float) for i in pick])
    step = np.diff(small, axis=0)
    mse = (step**2).mean(axis=(1, 2, 3))
    absolute = np.abs(step).mean(axis=(1, 2, 3))
    return absolute.mean(), absolute.min(), (10 * np.log10(255**2 / np.maximum(mse, 1e-6))).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "clips")
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    rows = []
    print(f"{'clip':16} {'diff':>6} {'least':>6} {'copy-last dB':>12} {'s':>5} {'KiB':>5}")
    for path in sorted(args.folder.glob("*.mp4")):
        images, rate = read(path)
        mean, least, psnr = measure(images, rate)
        print(
            f"{path.stem:16} {mean:6.2f} {least:6.2f} {psnr:12.1f} {len(images) / rate:5.2f} "
            f"{path.stat().st_size / 1024:5.0f}"
        )
        rows.append([images[i] for i in np.linspace(0, len(images) - 1, 6).astype(int)])
    if args.sheet and rows:
        w, h = rows[0][0].size
        sheet = Image.new("RGB", (6 * w, len(rows) * h))
        for j, row in enumerate(rows):
            for i, image in enumerate(row):
                sheet.paste(image, (i * w, j * h))
        sheet.save(args.sheet)


if __name__ == "__main__":
    main()
