// Motion: the flow that moves the last frame, the mask that paints over it, and the location biases.
lvln.views.motion = (root) => {
  const { state, on, call, cut, grey, lut, element, stepAt, draw } = lvln;
  const status = root.querySelector(".status");
  const panels = root.querySelector(".panels");
  const canvas = (name) => root.querySelector(`.${name} > canvas`);
  const note = (name) => root.querySelector(`.${name} .note`);
  const visible = () => root.offsetParent !== null;
  let shown = null;
  let asked = null;

  async function load() {
    const { rollout } = state;
    if (!rollout || !visible() || asked === rollout.key) return;
    asked = rollout.key;
    const mine = rollout.key;
    status.textContent = "Reading the motion…";
    try {
      const found = await call("motion", mine);
      if (!state.rollout || state.rollout.key !== mine) return;
      panels.hidden = Boolean(found.error);
      if (found.error) {
        shown = null;
        status.textContent = found.error;
        return;
      }
      const [colours, mask] = await Promise.all([cut(found.colours, found.steps, found.size), cut(found.mask, found.steps, found.size)]);
      if (!state.rollout || state.rollout.key !== mine) return;
      status.textContent = "";
      shown = { ...found, of: mine, frames: { colours, mask } };
      root.style.setProperty("--aspect", `${found.size[1]} / ${found.size[0]}`);
      await locations();
      paint(state.cursor);
    } catch (error) {
      if (asked === mine) asked = null;
      status.textContent = error.message || String(error);
    }
  }

  // Hue is direction, strength is speed: the same wheel as in vp/render.py.
  function wheel() {
    const target = root.querySelector(".wheel");
    const context = target.getContext("2d");
    const picture = context.createImageData(64, 64);
    for (let i = 0; i < 64 * 64; i += 1) {
      const [x, y] = [(i % 64) - 31.5, Math.floor(i / 64) - 31.5];
      const strength = Math.hypot(x, y) / 31;
      const angle = (Math.atan2(y, x) / (2 * Math.PI) + 1) % 1;
      [0, 4, 2].forEach((shift, c) => {
        const ramp = Math.max(0, Math.min(1, Math.abs(((angle * 6 + shift) % 6) - 3) - 1));
        picture.data[4 * i + c] = 255 * (1 - Math.min(1, strength) * (1 - ramp));
      });
      picture.data[4 * i + 3] = strength <= 1 ? 255 : 0;
    }
    context.putImageData(picture, 0, 0);
  }

  function arrows(step) {
    const target = canvas("arrows");
    draw(target, state.rollout.at("prediction", step));
    const [zoom, context] = [4, target.getContext("2d")];
    context.lineCap = "round";
    for (const [x, y, right, down] of shown.arrows[step]) {
      const length = Math.hypot(right, down);
      if (length < 0.15) continue;
      // Twice as long as the motion: pixels of these small frames move by little.
      const [x0, y0] = [(x + 0.5) * zoom, (y + 0.5) * zoom];
      const [x1, y1] = [x0 + 2 * zoom * right, y0 + 2 * zoom * down];
      for (const [colour, width] of [["rgb(0 0 0 / 0.55)", 5], ["#fff", 2.2]]) {
        context.strokeStyle = colour;
        context.fillStyle = colour;
        context.lineWidth = width;
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        context.stroke();
        context.beginPath();
        context.arc(x1, y1, width + 0.4, 0, 7);
        context.fill();
      }
    }
  }

  function paint(t) {
    if (!shown || shown.of !== state.rollout?.key || !visible()) return;
    const step = Math.min(stepAt(t), shown.steps - 1);
    arrows(step);
    draw(canvas("colours"), shown.frames.colours[step]);
    draw(canvas("painted"), shown.frames.mask[step]);
    const ahead = step + 2 - state.rollout.seen;
    note("arrows").textContent = `to ${ahead > 0 ? `+${ahead}` : `frame ${step + 2}`}, drawn ×2`;
    note("colours").textContent = `full at ${shown.limit.toFixed(1)} px`;
    note("colours").title = `mean ${shown.speed[step].toFixed(2)} px`;
    note("painted").textContent = `${(100 * shown.painted[step]).toFixed(1)} %`;
  }

  async function locations() {
    const board = root.querySelector(".maps");
    const table = lut(true);
    const blocks = await Promise.all(Object.entries(shown.locations).map(async ([block, map]) => [block, map, await grey(map.sprite)]));
    board.replaceChildren(
      ...blocks.map(([block, { filters, size: [h, w], scale }, sprite]) => {
        const group = element(`<div><b>${block}</b> <small>${filters} filters of ${h}×${w}, from −${scale} to ${scale}</small><div class="tiles"></div></div>`);
        group.querySelector(".tiles").append(
          ...Array.from({ length: filters }, (_, f) => {
            const tile = document.createElement("canvas");
            [tile.width, tile.height] = [w, h];
            tile.title = `${block}, filter ${f}`;
            const context = tile.getContext("2d");
            const picture = context.createImageData(w, h);
            for (let i = 0; i < h * w; i += 1) {
              const v = 3 * sprite.values[Math.floor(i / w) * sprite.width + f * w + (i % w)];
              picture.data.set([table[v], table[v + 1], table[v + 2], 255], 4 * i);
            }
            context.putImageData(picture, 0, 0);
            return tile;
          })
        );
        return group;
      })
    );
  }

  wheel();
  on("rollout", load);
  on("cursor", paint);
  on("theme", () => shown && locations());
  new IntersectionObserver(() => {
    load();
    paint(state.cursor);
  }).observe(root);
};
