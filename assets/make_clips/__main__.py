"""Render the example clips of the app.

    pip install -r assets/make_clips/requirements.txt
    python -m assets.make_clips                  # every clip, into assets/clips
    python -m assets.make_clips walk flag        # some of them
    python -m assets.make_clips --list
    python -m assets.make_clips --stills 1,40 --out stills walk   # only those frames, as PNG

Everything is procedural and seeded, so a second run makes the same clips. Each scene runs
in a process of its own. On two CPU cores a clip takes one and a half to five minutes.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from . import NAMES


def main():
    parser = argparse.ArgumentParser(prog="python -m assets.make_clips")
    parser.add_argument("names", nargs="*", metavar="NAME", help="clips to make (default: all)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "clips")
    parser.add_argument("--stills", help="frame numbers, with commas: write PNGs, no video")
    parser.add_argument("--samples", type=int, help="samples a pixel instead of the scene's own")
    parser.add_argument("--list", action="store_true", help="print the clips' names")
    args = parser.parse_args()
    if args.list:
        print("\n".join(NAMES))
        return 0
    unknown = sorted(set(args.names) - set(NAMES))
    if unknown:
        parser.error(f"no such clip: {', '.join(unknown)} (see --list)")
    args.out.mkdir(parents=True, exist_ok=True)
    names = args.names or list(NAMES)
    if len(names) > 1:
        rest = ["--out", str(args.out)]
        rest += ["--stills", args.stills] if args.stills else []
        rest += ["--samples", str(args.samples)] if args.samples else []
        return max(subprocess.call([sys.executable, "-m", __package__, *rest, name]) for name in names)
    make(names[0], args)
    return 0


def make(name, args):
    start = time.time()
    out = args.out / f"{name}.mp4"
    only = [int(n) for n in args.stills.split(",")] if args.stills else None
    if name == "moving_circle":
        from . import circle

        circle.make(out, only)
    else:
        from . import kit, people, physics, places

        build = {scene.__name__: scene for part in (people, physics, places) for scene in part.SCENES}[name]
        scene, on_frame = build()
        if args.samples:
            scene.cycles.samples = args.samples
        kit.render(scene, out, on_frame, only)
    size = f", {out.stat().st_size / 1024:.0f} KiB" if out.exists() and not only else ""
    print(f"{name}: {time.time() - start:.0f} s{size}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
