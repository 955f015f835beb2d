// Ladder: the whole network as one picture, every stage showing how strongly it answers at the cursor's step.
lvln.views.ladder = (root) => {
  const { state, on, inspect, flow, grey, tile, element, signed, stepAt, draw, enter, visible, lazy, steps, markNow } = lvln;
  const board = root.querySelector(".board");
  const detail = root.querySelector(".detail");
  const wires = root.querySelector("svg");
  const KERNELS = ["3x3", "5x5", "7x7"];
  const BLOCKS = ["C1", "C2", "C3", "C4"];
  const ABOUT = {
    stem: "a convolution of the frame itself, at full resolution",
    e1: "edges and colours",
    e2: "simple textures",
    e3: "patterns",
    e4: "parts of things",
    e5: "the scene as a whole",
    L3: "tells C3 what C4 found",
    L2: "tells C2 what C3 found",
    L1: "tells C1 what C2 found",
    skip: "what is there now, without memory",
  };
  // Of a network that paints as the paper describes it.
  const PAINTS = {
    L4: "begins the picture, coarsely",
    L3: "adds to it what C4 remembers",
    L2: "adds what C3 remembers",
    L1: "adds what C2 remembers",
  };
  let shown = null; // { taps, stages: { name: {...} }, moves: { block: {...} } }
  let chosen = null;

  async function ask(rollout) {
    const answer = await inspect("ladder_map");
    const [stages, moves] = [{}, {}];
    await Promise.all([
      ...answer.stages.map(async (stage) => (stages[stage.name] = { ...stage, ...(await grey(stage.sprite)) })),
      ...Object.entries(answer.moves).map(async ([block, move]) => (moves[block] = { ...move, fields: await flow.read(move, rollout.steps) })),
    ]);
    return { taps: answer.taps, stages, moves };
  }
  const paints = () => shown.taps.length > BLOCKS.length; // its decoder begins at the encoder's deepest stage
  // What stands at the right end of a rung.
  const upward = (i) => `L${paints() ? i + 1 : i}`;

  const title = (name) => {
    const [block, part] = name.split(".");
    return part ? (part === "skip" ? "now" : part.replace("x", "×")) : block;
  };
  const about = (name) => {
    const [block, part] = name.split(".");
    if (!part) return (paints() && PAINTS[block]) || ABOUT[block];
    return part === "skip" ? ABOUT.skip : "a memory (ConvGRU): click to enter it";
  };

  function stageTile(name) {
    const { channels, size } = shown.stages[name];
    const label = `${name.replace(".", " ")}: ${about(name)}; ${channels} channels of ${size[0]}×${size[1]}`;
    const button = tileButton(`class="stage-tile" data-stage="${name}"`, title(name), size, () => {
      const [block, part] = name.split(".");
      if (KERNELS.includes(part)) return enter(block, part);
      chosen = name;
      follow();
    });
    explain(button, label);
    return button;
  }
  // A map of a size, with what is written below it.
  function tileButton(attributes, text, [h, w], click) {
    const button = element(`<button type="button" ${attributes}><canvas></canvas><span>${text}</span></button>`, click);
    button.querySelector("canvas").style.aspectRatio = `${w} / ${h}`;
    return button;
  }

  function explain(button, text) {
    button.title = text;
    button.setAttribute("aria-label", text);
  }

  // What a level itself adds to the motion.
  const mover = (block) => tileButton(`class="stage-tile moves" data-moves="${block}"`, "", shown.moves[block].size, () => lvln.openTab("Motion"));

  const frame = (kind, text) => element(`<figure class="end ${kind}${kind === "makes" ? " predicted" : ""}"><canvas></canvas><figcaption>${text}</figcaption></figure>`);

  function build() {
    const box = (kind, ...held) => element(`<div class="${kind}"></div>`, null, ...held);
    const hint = element("<p class='quiet'>down: what it sees · across: what it remembers · up: what it draws</p>");
    const rows = [box("rung ends", frame("reads", "it reads"), hint, frame("makes", "it predicts"))];
    BLOCKS.forEach((block, i) => {
      const across = ["skip", ...KERNELS].map((part) => stageTile(`${block}.${part}`));
      if (shown.moves[block]) across.push(mover(block));
      const up = shown.stages[upward(i)] ? [stageTile(upward(i))] : [];
      rows.push(box("rung", box("down", stageTile(shown.taps[i])), box("across", element(`<b>${block}</b>`), ...across), box("up", ...up)));
    });
    if (paints()) rows.push(box("rung", box("down", stageTile(shown.taps[4]))));
    board.classList.toggle("moving", Object.keys(shown.moves).length > 0);
    board.replaceChildren(wires, ...rows);
    if (!chosen || !shown.stages[chosen]) chosen = "L1";
    connect();
    follow();
    paint(state.cursor);
  }

  // Lines between the tiles, from where they lie on the page.
  function connect() {
    if (!shown || !visible(root)) return;
    const base = board.getBoundingClientRect();
    wires.setAttribute("viewBox", `0 0 ${base.width} ${base.height}`);
    const box = (query) => {
      const r = board.querySelector(query).getBoundingClientRect();
      return { l: r.left - base.left, r: r.right - base.left, t: r.top - base.top, b: r.bottom - base.top, x: (r.left + r.right) / 2 - base.left, y: (r.top + r.bottom) / 2 - base.top };
    };
    const stage = (name) => box(`[data-stage="${name}"] canvas`);
    // What C1 says goes into the picture at once, where nothing is drawn on its way.
    const makes = box(".makes");
    const end = (i) => shown.stages[upward(i)] ? stage(upward(i)) : null;
    const paths = [];
    const line = (x1, y1, x2, y2) => paths.push(`<path d="M${x1} ${y1}L${x2} ${y2}" marker-end="url(#lvln-arrow)"/>`);
    const bend = (x1, y1, x2, y2) => paths.push(`<path d="M${x1} ${y1}H${x2}V${y2}" marker-end="url(#lvln-arrow)"/>`);
    const GAP = 5;
    const reads = box(".reads");
    line(reads.x, reads.b + 2, reads.x, stage(shown.taps[0]).t - GAP);
    BLOCKS.forEach((block, i) => {
      const [tap, across, up] = [stage(shown.taps[i]), box(`.rung:nth-of-type(${i + 2}) .across`), end(i)];
      if (shown.taps[i + 1]) line(tap.x, tap.b + 20, tap.x, stage(shown.taps[i + 1]).t - GAP);
      line(tap.r + 3, tap.y, across.l - GAP, tap.y);
      if (!up) return bend(across.r + 3, across.y, makes.x, makes.b + GAP);
      line(across.r + 3, up.y, up.l - GAP, up.y);
      line(up.x, up.t - 3, up.x, i && end(i - 1) ? end(i - 1).b + 24 : makes.b + GAP);
    });
    if (paints()) {
      const deepest = stage(shown.taps[4]);
      bend(deepest.r + 3, deepest.y, end(3).x, end(3).b + 24);
    }
    wires.innerHTML = `<defs><marker id="lvln-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>${paths.join("")}`;
  }

  const colour = (canvas, stage, step) => tile(stage, stage.size, { top: step * stage.size[0] }, canvas);

  function paint(t) {
    const step = stepAt(t);
    board.querySelectorAll("[data-stage]").forEach((button) => colour(button.querySelector("canvas"), shown.stages[button.dataset.stage], step));
    board.querySelectorAll("[data-moves]").forEach((button) => {
      const move = shown.moves[button.dataset.moves];
      const canvas = button.querySelector("canvas");
      [canvas.height, canvas.width] = move.size;
      canvas.getContext("2d").drawImage(flow.colours(move.fields[step], move.limit), 0, 0);
      const share = move.share[step];
      const name = button.dataset.moves;
      button.querySelector("span").textContent = share === null ? "moves" : `${signed(share, 2)} dB`;
      const label = `${name} moves ${move.speed[step].toFixed(2)} pixels on average (full colour: ${move.limit.toFixed(1)})${share === null ? "" : `; the moved frame gains ${signed(share, 2)} dB by that`}`;
      explain(button, label);
    });
    draw(board.querySelector(".reads canvas"), state.rollout.at("prediction", step));
    draw(board.querySelector(".makes canvas"), state.rollout.made(step));
    const ahead = step + 2 - state.rollout.seen;
    board.querySelector(".makes figcaption").textContent = ahead > 0 ? `it predicts +${ahead}` : `it predicts frame ${step + 2}`;
    board.querySelector(".reads figcaption").textContent = step >= state.rollout.seen ? "it reads its own prediction" : `it reads frame ${step + 1}`;
    markNow(detail, step);
  }

  // The chosen stage through all steps.
  function follow() {
    const stage = shown.stages[chosen];
    board.querySelectorAll("[data-stage]").forEach((b) => b.classList.toggle("chosen", b.dataset.stage === chosen));
    detail.hidden = false;
    detail.querySelector("h4").textContent = `${chosen.replace(".", " ")} through time`;
    const [dark, bright] = stage.range.map((v) => v.toPrecision(2));
    const maps = `${stage.channels} channels of ${stage.size[0]}×${stage.size[1]}`;
    detail.querySelector("p").textContent = `${about(chosen)} · ${maps}, drawn as their root mean square, from ${dark} (dark) to ${bright} (bright)`;
    steps(detail.querySelector(".steps"), (canvas, t) => colour(canvas, stage, t));
    paint(state.cursor);
  }

  lazy(root, {
    message: "Looking into every stage…",
    ask,
    show(answer) {
      shown = answer;
      build();
    },
    paint: (_, t) => paint(t),
    clear: () => (shown = null),
  });
  on("theme", () => shown && build());
  new ResizeObserver(connect).observe(board);
};
