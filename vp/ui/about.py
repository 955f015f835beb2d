"""The About view: what the network is, where its weights come from, how good they are, where it stops."""

from __future__ import annotations

from vp import __version__
from vp.checkpoints import CheckpointSource
from vp.checkpoints.training import spent
from vp.errors import ExplorerError
from vp.explorer import Explorer
from vp.limits import MAX_HORIZON, MAX_SEEN, describe
from vp.models import ALL_NAMES, NAMES, NETWORKS, LadderConfig

TEXT = """
### What you are looking at
The *Location-dependent Video Ladder Network* (L-VLN) sees a few frames of a video and predicts the next ones. A
ResNet-18 looks at each frame at several resolutions. At four of them a lateral block **C1** to **C4** keeps a memory:
three convolutional gated recurrent units (ConvGRUs) that look around with 3×3, 5×5 and 7×7 kernels. From coarse to
fine, each memory says how the pixels of the last frame move; the frame moved by that, blended and where nothing fits
painted over, is the prediction. To predict further, the network is fed its own prediction. (The paper's own network,
kept to compare with, paints every frame anew.)

After O. Leuschner and J. Scheffczyk, *Self-supervised Video Prediction*, University of Bonn, 2020, which builds on the
[Video Ladder Network](https://arxiv.org/abs/1612.01756) (Cricri et al. 2016),
[ConvGRUs](https://arxiv.org/abs/1611.05435) (Siam et al. 2016) and
[location dependency](https://doi.org/10.1007/978-3-030-01424-7_62) (Azizi et al. 2018).
"""

LIMITS = f"""
### Where it stops
The networks see small pictures (64×96 or 128×160) and were trained on sports and everyday actions at 8 to 15 frames a
second; cuts, text and very fast motion are beyond them, and what they did not see they blur. You can show up to
{MAX_SEEN} frames and ask for up to {MAX_HORIZON}. {describe()} Uploads stay on the machine that runs this page and are
deleted after an hour.

### Where the clips come from
The drawn clips were made for this project. [UCF101](https://www.crcv.ucf.edu/data/UCF101.php) (Soomro et al. 2012) is a
research data set of actions, cut from YouTube videos; no clip of it is shipped. Its shelf lists
[bitmind/UCF101-Videos](https://huggingface.co/datasets/bitmind/UCF101-Videos) on the Hugging Face Hub when it is
opened, and fetches each clip when it is chosen. The bundled networks were made with 24 of its 101 actions, groups 8 to
25; groups 1 to 7, the test part of its split 1, they never saw.

### Licence
Code, drawn clips and weights: MIT. The weights were trained on UCF101.
Version {__version__}.
"""


def about(explorer: Explorer) -> str:
    """Markdown for the About view."""
    try:
        source = explorer.checkpoints
    except ExplorerError as error:
        return "\n\n".join([TEXT, "### The weights in use", f"None: {error}", LIMITS])
    lines = [TEXT, "### The weights in use", f"{_origin(source)}."]
    gain = "gain over repeating the last frame, steps 1 / 2 / 3, validation clips"
    table = [f"| network | frame | parameters | trained for | {gain} |"]
    table += ["|---|---|---|---|---|"]
    names = ALL_NAMES if source.has_paper else NAMES
    for name in names:
        try:
            config = source.config(name)
            ladder = LadderConfig.from_dict(config["ladder"])
        except ExplorerError as error:
            table.append(f"| {NETWORKS[name].title} | not available: {error} | | | |")
            continue
        training, scores = config.get("training", {}), config.get("scores", {}).get("validation", {})
        gains = [f"{scores[f'gain_{k}']:+.2f}" for k in (1, 2, 3) if f"gain_{k}" in scores]
        table.append(
            f"| {NETWORKS[name].title} | {ladder.height}×{ladder.width} | {_parameters(ladder)} | "
            f"{_trained(training)} | {' / '.join(gains) + ' dB' if gains else 'not measured'} |"
        )
    lines.append("\n".join(table))
    lines.append("; ".join(f"{NETWORKS[name].title}: {NETWORKS[name].purpose}" for name in names) + ".")
    if card := source.card():
        body = card.split("---", 2)[-1].strip() if card.startswith("---") else card
        lines.append(f"<details><summary>Model card</summary>\n\n{body}\n\n</details>")
    lines.append(LIMITS)
    return "\n\n".join(lines)


def _origin(source: CheckpointSource) -> str:
    """Where the weights come from; a folder's path is the host's own business."""
    if source.spec.startswith("hf://"):
        return f"`{source.spec}`" + (f" at revision `{source.revision}`" if source.revision else "")
    return "The bundled ones" if source.spec == "bundled" else "A folder on the machine that runs this page"


def _trained(training: dict) -> str:
    if "clips" not in training:
        return "not recorded"
    total = spent(training)
    minutes = total["minutes"]
    return f"{total['clips']:,.0f} clips, " + (f"{minutes / 60:.1f} h" if minutes >= 100 else f"{minutes:.0f} min")


def _parameters(config: LadderConfig) -> str:
    """Those that were trained, and those of the encoder that this network reads."""
    import torch

    from vp.models import build, trained_parameters

    with torch.device("meta"):
        model = build(config)
    taps = 5 if config.design == "paper" else 3 if config.full_resolution else 4
    stages = ("conv1", "layer1", "layer2", "layer3", "layer4")[:taps]
    encoder = sum(p.numel() for stage in stages for p in getattr(model.encoder, stage).parameters())
    return f"{trained_parameters(model) / 1e6:.1f} M + {encoder / 1e6:.1f} M encoder"
