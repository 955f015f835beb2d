// Motion: the flow that moves the last frame, level by level, the mask that paints over it, and the location biases.
lvln.views.motion = (root) => {
  const { state, on, look, cut, flow, grey, tile, painted, element, signed, stepAt, draw, arrow, shape, lazy } = lvln;
  const status = root.querySelector(".status");
  const panels = root.querySelector(".panels");
  const built = root.querySelector(".built");
  const canvas = (name) => root.querySelector(`.${name} > canvas`);
  const note = (name) => root.querySelector(`.${name} .note`);
  let shown = null;

  async function ask() {
    const answer = await look("motion").catch((error) => ({ error: error.message }));
    if ("error" in answer) return answer;
    const mask = await cut(answer.mask, answer.steps, answer.size);
    const levels = await Promise.all(answer.levels.map(async (level) => ({ ...level, fields: await flow.read(level, answer.steps), moved: [] })));
    return { ...answer, mask, levels };
  }

  function show(answer) {
    panels.hidden = built.hidden = Boolean(answer.error);
    shown = answer.error ? null : answer;
    if (!shown) {
      status.textContent = answer.error;
      return;
    }
    shape(root, shown.size);
    build();
    locations();
  }

  // Twice as long as the motion: pixels of these small frames move by little. strokes: [colour, width], drawn in turn.
  function arrows(target, field, strokes, least = 0.15) {
    const context = target.getContext("2d");
    const zoom = target.width / shown.size[1];
    const thick = target.width / 384;
    const scaled = strokes.map(([colour, width]) => [colour, thick * width]);
    for (const [x, y, right, down] of flow.arrows(field, shown.size[1])) {
      if (Math.hypot(right, down) < least) continue;
      const from = [(x + 0.5) * zoom, (y + 0.5) * zoom];
      arrow(context, scaled, from, [from[0] + 2 * zoom * right, from[1] + 2 * zoom * down], (width) => width + 0.4 * thick);
    }
  }

  // A flow in colours on its own grid, as large as a frame: each cell of a coarse level is a block.
  function blocks(target, colours) {
    const [h, w] = shown.size;
    target.width = 384;
    target.height = Math.round((384 * h) / w);
    const context = target.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(colours, 0, 0, target.width, target.height);
  }

  const decibels = (v) => (v === null ? "" : `${signed(v, 2)} dB`);

  // One level: its flow, the frame moved by it, and what that gains.
  const column = (level, caption, flow, moved) =>
    element(`<figure data-level="${level}">
      <figcaption>${caption}</figcaption>
      <canvas class="flow" aria-label="${flow}"></canvas>
      <canvas class="moved" aria-label="${moved}"></canvas>
      <p><b class="gain"></b> <small class="more"></small></p>
    </figure>`);

  function build() {
    built.querySelector(".ladder-of-flow").replaceChildren(
      ...shown.levels.map(({ name, size: [h, w] }, i) =>
        column(name, `<b>${i ? `… + ${name}` : name}</b> <small>${h}×${w}</small>`, `flow after ${name}`, "the frame moved by it")
      ),
      column("all", "<b>the prediction</b>", "where it paints", "the prediction")
    );
  }

  function climb(step) {
    let before = 0;
    const tell = (figure, gain) => {
      figure.querySelector(".gain").textContent = decibels(gain);
      figure.querySelector(".more").textContent = gain === null ? "what came is not known" : `${decibels(gain - before)} ${figure.dataset.level === "all" ? "by blending, painting" : "by this"}`;
      if (gain !== null) before = gain;
    };
    const figure = (name) => built.querySelector(`[data-level="${name}"]`);
    const read = state.rollout.at("prediction", step);
    for (const level of shown.levels) {
      const target = figure(level.name);
      blocks(target.querySelector(".flow"), flow.colours(level.fields[step], shown.limit));
      arrows(target.querySelector(".flow"), level.fields[step], flow.ARROWS.onColours, 0.1);
      draw(target.querySelector(".moved"), (level.moved[step] ||= flow.moved(read, level.fields[step])));
      tell(target, level.gain[step]);
    }
    const last = figure("all");
    draw(last.querySelector(".flow"), shown.mask[step]);
    draw(last.querySelector(".moved"), state.rollout.made(step));
    tell(last, shown.gain[step]);
  }

  function paint(t) {
    const step = Math.min(stepAt(t), shown.steps - 1);
    const whole = shown.levels.at(-1);
    draw(canvas("arrows"), state.rollout.at("prediction", step));
    arrows(canvas("arrows"), whole.fields[step], flow.ARROWS.onFrame);
    draw(canvas("colours"), flow.colours(whole.fields[step], shown.limit));
    draw(canvas("painted"), shown.mask[step]);
    climb(step);
    const ahead = step + 2 - state.rollout.seen;
    note("arrows").textContent = `to ${ahead > 0 ? `+${ahead}` : `frame ${step + 2}`}, drawn ×2`;
    note("colours").textContent = `full at ${shown.limit.toFixed(1)} px`;
    note("colours").title = `mean ${whole.speed[step].toFixed(2)} px`;
    note("painted").textContent = `${(100 * shown.painted[step]).toFixed(1)} %`;
  }

  async function locations() {
    const board = root.querySelector(".maps");
    const blocks = await Promise.all(Object.entries(shown.locations).map(async ([block, map]) => [block, map, await grey(map.sprite)]));
    board.replaceChildren(
      ...blocks.map(([block, { filters, size: [h, w], scale }, sprite]) => {
        const maps = Array.from({ length: filters }, (_, f) => Object.assign(tile(sprite, [h, w], { left: f * w, signed: true }), { title: `${block}, filter ${f}` }));
        const about = `<b>${block}</b> <small>${filters} filters of ${h}×${w}, from −${scale} to ${scale}</small>`;
        return element(`<div>${about}</div>`, null, element('<div class="tiles"></div>', null, ...maps));
      })
    );
  }

  painted(64, 64, (i) => {
    const [x, y] = [(i % 64) - 31.5, Math.floor(i / 64) - 31.5];
    return [...flow.colour(x, y, 31), Math.hypot(x, y) <= 31 ? 255 : 0];
  }, root.querySelector(".wheel"));
  lazy(root, { message: "Reading the motion…", ask, show, paint: (_, t) => shown && paint(t) });
  on("theme", () => shown && locations());
};
