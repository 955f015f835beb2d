"""The page's own views as `gr.HTML` components: fixed markup here, behaviour in `static/NAME.js`.

The markup holds no data, so Gradio never re-renders it; the data comes through `lvln` (static/core.js), which one
hidden component connects to Python.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import gradio as gr

from vp.clips.shelves import Shelf
from vp.models import BLOCKS, KERNELS, LadderConfig

from . import experiments
from .registry import Experiment

VIEWS = ("Predict", "Ladder", "Memory", "Motion", "Experiments", "Classes", "Compare", "About")


def _word(name: str, text: str = "") -> str:
    """A word that explains itself: those of `static/words.js`."""
    return f'<span class="word" tabindex="0" role="button" data-word="{name}">{text or name}</span>'


def _panel(kind: str, title: str) -> str:
    return (
        f'<figure data-panel="{kind}"><figcaption>{title} <span class="note"></span></figcaption>'
        "<canvas></canvas></figure>"
    )


_BARS = """<span class="bars" role="group" aria-label="the bar to beat">
  <button type="button" data-bar="copy" aria-pressed="true">Last frame<span class="wide"> repeated</span></button>
  <button type="button" data-bar="flow" aria-pressed="false">Tuned flow</button></span>"""

STAGE = f"""
<section class="stage lvln" aria-label="prediction">
  <div class="panels">
    {_panel("truth", "Truth")}
    {_panel("prediction", "Prediction")}
    {_panel("copy", _BARS)}
  </div>
  <div class="bar">
    <button type="button" class="play" aria-label="play"></button>
    <span class="where"></span>
    <span class="busy" role="status"></span>
    <p class="headline" aria-live="polite"></p>
  </div>
  <div class="timeline" role="slider" tabindex="0" aria-label="time line: arrow keys move, space plays"
       aria-valuemin="1" aria-valuemax="1" aria-valuenow="1"></div>
  <p class="advice" hidden><span></span> <button type="button"></button></p>
  <div class="foot"><p class="details"></p>
  <div class="share"><button type="button" class="link">Copy link</button>
    <span role="group" aria-label="download">Download
      <button type="button" data-kind="png">png</button><button type="button" data-kind="mp4">mp4</button>
      <button type="button" data-kind="gif">gif</button><button type="button" data-kind="npz">npz</button>
      <button type="button" class="snap">this view</button></span>
    <span class="said" role="status"></span></div>
  </div>
</section>
"""

# On a phone, where Gradio would hide most of its tabs in a menu.
SWITCH = f"""
<nav class="switch lvln" aria-label="views">
  {"".join(f'<button type="button">{name}</button>' for name in VIEWS)}
</nav>
"""

PREDICT = """
<section class="predict lvln" aria-label="film strips and scores">
  <div class="strips"></div>
  <div class="chart"></div>
  <p class="quiet">PSNR counts the error of every pixel, in dB: 3 dB more is half the squared error.
  SSIM compares structure: 1 is identical. The bar to beat is the last seen frame, repeated: a network that learned
  nothing but to copy would score exactly that.</p>
</section>
"""


def _choice(name: str, legend: str, options: list[tuple[str, str]]) -> str:
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"{" checked" if i == 0 else ""}>'
        f"<span>{text}</span></label>"
        for i, (value, text) in enumerate(options)
    )
    return f'<fieldset data-choice="{name}"><legend>{legend}</legend>{buttons}</fieldset>'


MEMORY = f"""
<section class="memory lvln" aria-label="filter activations">
  <div class="choices">
    {_choice("block", "Block", [(b, b) for b in BLOCKS])}
    {_choice("kernel", "Kernel", [(k, k.replace("x", "×")) for k in KERNELS])}
    {
    _choice(
        "quantity",
        "Quantity",
        [("h", "state h"), ("dh", "Δh"), ("z", "update z"), ("r", "reset r"), ("n", "candidate n")],
    )
}
    {_choice("scale", "Scale", [("shared", "shared"), ("each", "per filter")])}
    {_choice("sort", "Order", [("activity", "most active"), ("index", "by number")])}
  </div>
  <div class="legend"></div>
  <p class="status" role="status"></p>
  <div class="grid"><canvas tabindex="0" aria-label="filters: arrow keys choose one"></canvas></div>
  <div class="closer">
    <aside class="detail">
      <h4></h4>
      <div class="large"><canvas tabindex="0" aria-label="places of the filter: arrow keys choose one"></canvas></div>
      <label class="overlay"><input type="checkbox"> lay it over the frame</label>
      <p class="numbers"></p>
      <figure class="looks" hidden><canvas></canvas><figcaption class="quiet"></figcaption></figure>
      <div class="steps"></div>
    </aside>
    <section class="number">
      <h4>One number</h4>
      <p class="quiet">Click on a place of the enlarged filter: this is how its number came about at this step.</p>
      <p class="status" role="status"></p>
      <div class="body" hidden><div class="sums"></div><div class="becomes"></div></div>
    </section>
  </div>
  <section class="answers" hidden>
    <h4>What it answers to</h4>
    <p class="status" role="status"></p>
    <div class="body" hidden>
      <div class="excited">
        {_choice("of", "Largest", [("h", "state h"), ("z", "update z"), ("dh", "Δh")])}
        <p class="over quiet"></p>
        <div class="moments"></div>
      </div>
      <figure class="polar"></figure>
      <div class="lost"></div>
    </div>
  </section>
  <section class="moment" hidden>
    <h4>One moment</h4>
    <p class="quiet">Drag over the course of its mean state to mark a stretch of time, and over the enlarged filter to
    mark a part of the frame.</p>
    <p class="status" role="status"></p>
    <div class="body" hidden>
      <div class="course"></div>
      <p class="marking quiet"><label>from step <input type="number" min="1"></label>
      <label>to step <input type="number" min="1"></label>
      <span class="part" hidden>in the marked part <button type="button">take the whole frame</button></span></p>
      <div><h5>Filters that run alike, or opposed</h5><div class="others"></div></div>
      <div><h5>Where else it does so again</h5><div class="again"></div></div>
    </div>
  </section>
  <div class="life" hidden>
    <h4></h4>
    <div class="scroll"><table></table></div>
    <p class="quiet">h′ = (1 − z) · h + z · n: where the update {_word("gate")} z is bright, the {_word("candidate")} n
    replaces the {_word("state")}; where the reset gate r is dark, the candidate was made without looking at it.</p>
  </div>
</section>
"""

LADDER = f"""
<section class="ladder lvln" aria-label="the whole network at work">
  <p class="quiet">The whole network, a {_word("ladder")}, at work on this clip, at the step of the time line: bright is
  where a stage answers most. At the end of a row is what its {_word("memory", "memories")} move, in colours of
  direction, and what that gains on this clip. Click a memory to enter it, a motion to see it built up, any other stage
  to follow it through time.</p>
  <p class="status" role="status"></p>
  <div class="board"><svg aria-hidden="true"></svg></div>
  <aside class="detail" hidden><h4></h4><p class="quiet"></p><div class="steps"></div></aside>
</section>
"""

MOTION = f"""
<section class="motion lvln" aria-label="flow, mask and location maps">
  <p class="quiet">The network does not paint the next frame: it moves the pixels of the last one (a {_word("warp")}),
  blends them, and paints only where nothing fits. What it remembers turns into this motion.</p>
  <p class="status" role="status"></p>
  <div class="panels">
    <figure class="arrows"><figcaption>Where things go <span class="note"></span></figcaption><canvas></canvas></figure>
    <figure class="colours"><figcaption>The same as colours <canvas class="wheel" width="64" height="64"></canvas>
      <span class="note"></span></figcaption><canvas></canvas></figure>
    <figure class="painted"><figcaption>Painted, not moved <span class="note"></span></figcaption>
      <canvas></canvas></figure>
  </div>
  <div class="built" hidden>
    <h4>How the memories build it up, from coarse to fine</h4>
    <p class="quiet">C4 moves what is large and moves first, each finer memory adds what is smaller. Below: the frame it
    read, moved by that much alone, and how much closer that is to what really came than the frame unmoved.</p>
    <div class="ladder-of-flow"></div>
  </div>
  <h4>What it expects where: the location biases</h4>
  <p class="quiet">C3 and C4 add a learned map to each filter of their convolution, the same for every clip: blue lowers
  it there, red raises it. With these the network can know that ground lies below and sky above. On finer frames they
  are stretched.</p>
  <div class="maps"></div>
</section>
"""

_PARTS = f"""<div class="parts" role="group" aria-label="parts of the network">{
    "".join(
        f'<div class="row"><button type="button" data-part="{block}">{block}</button>'
        + "".join(
            f'<button type="button" data-part="{block}.{part}">{text}</button>'
            for part, text in [
                ("skip", "now"),
                *((k, k.replace("x", "×")) for k in KERNELS),
                *([("location", "place")] if located else []),
            ]
        )
        + "</div>"
        for block, located in zip(BLOCKS, LadderConfig().location, strict=True)
    )
}</div>
    <form class="one">
    <label>One filter <input type="text" placeholder="C1.3x3.7" aria-label="path of a filter"></label>
    <button type="submit">Silence it</button><button type="button" class="clear">Nothing silenced</button></form>"""


def _card(experiment: Experiment) -> str:
    """An experiment on the page: its arguments are named for links, see static/experiments.js."""
    names = " ".join(argument.name for argument in experiment.arguments)
    button = f'<button type="button" class="go">{experiment.button}</button>' if experiment.button else _PARTS
    return f"""<article class="{experiment.name}" data-arguments="{names}">
    <h3>{experiment.title}</h3>
    <p class="quiet">{experiment.about}</p>
    {button}
    <p class="status" role="status"></p>
    <div class="result"></div>
  </article>"""


EXPERIMENTS = f"""
<section class="experiments lvln" aria-label="experiments">
  {"".join(_card(experiment) for experiment in experiments.EXPERIMENTS.values() if experiment.title)}
</section>
"""

CLASSES = """
<section class="classes lvln" aria-label="class scores">
  <p class="intro quiet">The action classifier watches the whole clip at 10 frames a second, on frames of the network's
  own size, in two streams: <b>appearance</b>, what the blocks read and what their ConvGRUs hold (paper section 5), and
  <b>motion</b>, what was matched from frame to frame and what the memories make of it.</p>
  <div class="watching" role="status" hidden><progress max="1" value="0"></progress><span></span></div>
  <div class="empty" hidden></div>
  <div class="board" hidden>
    <div class="verdict"></div>
    <div class="bars" role="list" aria-label="class scores of the whole clip"></div>
    <figure class="course"><figcaption>Score, as the clip goes on</figcaption><div></div></figure>
    <figure class="when">
      <figcaption>Which stream says so, and when</figcaption>
      <p class="streams"></p>
      <div></div>
      <p class="quiet">In the first half second the memories fill: it may leave the scale.</p>
    </figure>
    <figure class="where">
      <figcaption>What speaks for it, and where <span class="note"></span></figcaption>
      <div class="which" role="group" aria-label="stream">
        <button type="button" data-stream="both" aria-pressed="true">both</button>
        <button type="button" data-stream="appearance" aria-pressed="false">appearance</button>
        <button type="button" data-stream="motion" aria-pressed="false">motion</button>
      </div>
      <canvas></canvas>
      <div class="looks" role="group" aria-label="moments of the clip"></div>
      <p class="quiet">How unusual each place is, times what it counts: <b class="for">red</b> speaks for the class,
      <b class="against">blue</b> against it.</p>
    </figure>
    <figure class="who">
      <figcaption>Which memory says so</figcaption>
      <table class="memories"></table>
      <p class="quiet">Click a block or a ConvGRU to silence it, and again to hear it.</p>
    </figure>
    <figure class="most">
      <figcaption>Which filters say most <span class="note">a click shows it at work</span></figcaption>
      <div class="filters"></div>
    </figure>
  </div>
</section>
"""

COMPARE = """
<section class="compare lvln" aria-label="the three networks compared">
  <div class="board"></div>
  <p class="quiet">All three see the same frames and predict the same ones, each at its own frame size, or all at
  twice that; the numbers of different resolutions do not compare, the gains over repeating the last frame do.</p>
</section>
"""


def gallery(shelves: Sequence[Shelf]) -> str:
    """Markup of the gallery, with a tab for each shelf."""
    tabs = "".join(
        f'<button type="button" role="tab" aria-selected="{"false" if shelf.prefix else "true"}" '
        f'data-prefix="{_text(shelf.prefix)}" data-about="{_text(shelf.about)}">{_text(shelf.title)}</button>'
        for shelf in shelves
    )
    return f"""
<section class="gallery lvln" aria-label="clips">
  <div class="shelves" role="tablist" aria-label="shelves"{"" if len(shelves) > 1 else " hidden"}>{tabs}</div>
  <p class="about quiet" hidden></p>
  <div class="tools" hidden>
    <input type="search" placeholder="Search clips" aria-label="search clips">
    <select aria-label="class"><option value="">All classes</option></select>
    <span class="count quiet" aria-live="polite"></span>
    <button type="button" class="random">A random clip</button>
  </div>
  <div class="grid"></div>
  <p class="legend quiet" hidden><i class="known">✓</i> the classifier knows this action<br>
  <i class="seen">seen</i> the networks were trained on clips of the same video</p>
  <p class="status" role="status"></p>
  <button type="button" class="again" hidden>Try again</button>
</section>
"""


def _text(text: str) -> str:
    """Text within markup that Gradio fills in as a template."""
    return re.sub(r"[{}$`\\]", lambda sign: f"&#{ord(sign[0])};", html.escape(text))


CIRCLE = """
<section class="circle lvln" aria-label="a moving circle">
  <p class="quiet">The paper's first test. Drag from the circle to where it shall go: the longer, the faster.</p>
  <canvas width="320" height="240" tabindex="0" role="slider" aria-label="direction and speed: arrow keys change them"
          aria-valuemin="0" aria-valuemax="40" aria-valuenow="12"></canvas>
  <div class="tools"><label>Size <input type="range" min="6" max="80" value="26" aria-label="radius"></label>
  <label>Colour <input type="color" value="#ffffff" aria-label="colour"></label></div>
  <p class="note quiet"></p>
  <button type="button" class="go">Predict it</button>
</section>
"""

HEADER = """
<header class="masthead lvln">
  <div><h1>L-VLN explorer</h1>
  <p>Watch a video prediction network see a few frames, guess the next ones, and look at what it remembers.</p></div>
  <div class="buttons"><button type="button" class="tour">Tour</button>
  <button type="button" class="theme" aria-label="switch between dark and light"></button></div>
</header>
"""


def view(name: str, markup: str, **options: object) -> gr.HTML:
    """A component of fixed markup that `lvln.views[name]` brings to life."""
    return gr.HTML(
        html_template=markup,
        js_on_load=f"lvln.views.{name}(element.querySelector('.lvln'))",
        apply_default_css=False,
        container=False,
        padding=False,
        elem_id=f"view-{name}",
        **options,
    )
