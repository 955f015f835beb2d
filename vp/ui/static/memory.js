// Memory: the filters of one ConvGRU, scrubbed through time with the shared cursor.
lvln.views.memory = (root) => {
  const { state, on, call, goTo, stepAt, isPredicted, copied, grey, tint, tile, element, times, clamp, visible, later, keys, lazy, steps, markNow } = lvln;
  const choice = { block: "C1", kernel: "3x3", quantity: "h", scale: "shared", sort: "activity" };
  const canvas = root.querySelector(".grid canvas");
  const detail = root.querySelector(".detail");
  const number = lvln.oneNumber(root);
  const answers = lvln.oneFilter(root.querySelector(".answers"));
  const moment = lvln.oneMoment(root.querySelector(".moment"), number);
  const legend = root.querySelector(".legend");
  const MEANING = {
    h: "state h: what this filter remembers",
    dh: "change of h: what it has just learned or forgotten",
    z: "update gate z: 1 replaces the memory, 0 keeps it",
    r: "reset gate r: 0 ignores the memory when making a candidate",
    n: "candidate n: what it would like to remember",
  };
  const cache = new Map();
  let shown = null; // { ...payload, values: Uint8 grey [steps * h, filters * w] }
  let order = [];
  let filter = null;
  let wanted = null; // a filter, or more, that a link names

  const chosen = ({ key }) => [key, choice.block, choice.kernel, choice.quantity].join(" ");
  const { look, again } = lazy(root, {
    message: "Reading the memory…",
    key: chosen,
    ask(rollout) {
      const name = chosen(rollout);
      if (!cache.has(name)) {
        cache.set(name, fetchOne(rollout.key, { ...choice }));
        cache.get(name).catch(() => cache.delete(name));
        if (cache.size > 24) cache.delete(cache.keys().next().value);
      }
      return cache.get(name);
    },
    paint(_, t) {
      paint(t);
      now(t);
    },
    show(loaded) {
      const same = shown && shown.block === loaded.block && shown.kernel === loaded.kernel;
      shown = loaded;
      // Networks differ in how many filters a block has.
      if (!same || filter >= loaded.filters) filter = null;
      if (wanted && wanted.filter < loaded.filters) filter = wanted.filter;
      layout();
      wanted = null;
    },
  });

  async function fetchOne(key, { block, kernel, quantity }) {
    const payload = await call("activations", key, block, kernel, quantity);
    if (payload.error) throw new Error(payload.error);
    const { values, width } = await grey(payload.sprite);
    return { ...payload, values, width, activity: measure(payload, values, width) };
  }

  // Mean size of a filter's values (of its change, for gates) at every step: activity[step][filter].
  function measure({ steps, filters, size: [h, w], scale, signed }, values, width) {
    const [middle, reach] = scaleOf(signed);
    return Array.from({ length: steps }, (_, t) =>
      Array.from({ length: filters }, (_, f) => {
        let sum = 0;
        for (let y = 0; y < h; y += 1) {
          const start = (t * h + y) * width + f * w;
          for (let x = 0; x < w; x += 1) sum += Math.abs(values[start + x] - middle);
        }
        return (scale[f] * sum) / (h * w) / reach;
      })
    );
  }

  const peak = () => Math.max(...shown.scale);

  // Where zero lies on the grey scale, and how far it reaches from there.
  const scaleOf = (signed) => (signed ? [127.5, 127.5] : [0, 255]);

  const isShared = () => choice.scale === "shared";

  // One filter at one step, in colours: on the chosen scale, or to lie over a frame, with its own as its opacity.
  function filterTile(f, t, over = false) {
    const [h, w] = shown.size;
    const share = isShared() && !over ? shown.scale[f] / peak() : 1;
    const [middle, reach] = scaleOf(shown.signed);
    return tile(shown, shown.size, {
      left: f * w,
      top: t * h,
      signed: shown.signed,
      tone: (v) => middle + (v - middle) * share,
      opacity: (v) => (over ? Math.min(220, (Math.abs(v - middle) / reach) * 300) : 255),
    }, scratch);
  }

  const scratch = document.createElement("canvas");

  function stamp(context, picture, x, y, width, height) {
    context.imageSmoothingEnabled = picture.width > 40;
    context.drawImage(picture, x, y, width, height);
  }

  const GAP = 6;
  let cell = { columns: 8, width: 100, height: 60 };

  function layout() {
    if (!shown || !visible(root)) return;
    const total = root.querySelector(".grid").clientWidth;
    const columns = total < 480 ? 4 : 8;
    const width = Math.floor((total - GAP * (columns - 1)) / columns);
    cell = { columns, width, height: Math.round((width * shown.size[0]) / shown.size[1]) };
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const rows = Math.ceil(shown.filters / columns);
    const height = rows * (cell.height + GAP) - GAP;
    canvas.style.height = `${height}px`;
    canvas.width = total * ratio;
    canvas.height = height * ratio;
    canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    const mean = shown.activity[0].map((_, f) => shown.activity.reduce((sum, step) => sum + step[f], 0));
    order = mean.map((_, f) => f);
    if (choice.sort === "activity") order.sort((a, b) => mean[b] - mean[a]);
    if (filter === null) filter = order[0];
    const text = (v) => (isShared() ? (v * peak()).toFixed(2).replace("-", "−") : `${v < 0 ? "−" : ""}max`);
    legend.innerHTML = `<span>${shown.signed ? text(-1) : "0"}</span><i></i><span>${text(1)}</span><small>${MEANING[shown.quantity]}</small>`;
    const colours = Array.from({ length: 9 }, (_, i) => `rgb(${tint(shown.signed ? i / 4 - 1 : i / 8, shown.signed)})`);
    legend.querySelector("i").style.background = `linear-gradient(90deg, ${colours.join(",")})`;
    paint(state.cursor);
    follow();
  }

  function paint(t) {
    if (!shown || !visible(root)) return;
    const step = Math.min(stepAt(t), shown.steps - 1);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    order.forEach((f, i) => {
      const x = (i % cell.columns) * (cell.width + GAP);
      const y = Math.floor(i / cell.columns) * (cell.height + GAP);
      stamp(context, filterTile(f, step), x, y, cell.width, cell.height);
      if (f === filter) {
        context.strokeStyle = getComputedStyle(root).getPropertyValue("--ink");
        context.lineWidth = 2.5;
        context.strokeRect(x + 1, y + 1, cell.width - 2, cell.height - 2);
      }
    });
    enlarge(step);
    markNow(detail, step);
  }

  function enlarge(step) {
    const target = detail.querySelector(".large canvas");
    if (!target || filter === null) return;
    const [h, w] = shown.size;
    const zoom = Math.max(1, Math.round(384 / w));
    target.width = w * zoom;
    target.height = h * zoom;
    const context = target.getContext("2d");
    const over = detail.querySelector("input").checked;
    if (over) context.drawImage(state.rollout.at("prediction", step), 0, 0, target.width, target.height);
    stamp(context, filterTile(filter, step, over), 0, 0, target.width, target.height);
    number.paint(step);
    const activity = shown.activity[step][filter];
    detail.querySelector(".numbers").textContent = `mean size ${activity.toFixed(3)} at step ${step + 1} · largest ${shown.scale[filter].toFixed(3)}`;
  }

  // The chosen filter through all steps, in one row, with its activity as a line.
  function follow() {
    if (filter === null) return;
    detail.querySelector("h4").textContent = `Filter ${filter} of ${shown.block}, ${times(shown.kernel)}`;
    const row = detail.querySelector(".steps");
    const highest = Math.max(...shown.activity.map((step) => step[filter]), 1e-6);
    steps(row, (canvas, t, button) => {
      tile(shown, shown.size, { left: filter * shown.size[1], top: t * shown.size[0], signed: shown.signed }, canvas);
      button.querySelector("i").style.width = `${(100 * shown.activity[t][filter]) / highest}%`;
    }, { more: "<u><i></i></u>" });
    const { block, kernel, quantity, size } = shown;
    const part = (wanted?.region || "").split(",").map(Number);
    if (part.length === 4 && part.every((v) => v >= 0 && v <= 1)) {
      number.region = part;
      number.onRegion();
    }
    number.enter({ block, kernel, filter, size }, strongest, wanted && [wanted.row, wanted.column]);
    answers.enter({ block, kernel, filter });
    moment.enter({ block, kernel, filter }, wanted && Number.isInteger(wanted.first) && Number.isInteger(wanted.last) ? [wanted.first, wanted.last] : null);
    paint(state.cursor);
    live();
    lvln.noteMemory({ block, kernel, quantity, filter });
  }
  // The place where the chosen filter is largest in size at this step.
  function strongest() {
    const [h, w] = shown.size;
    const step = Math.min(stepAt(state.cursor), shown.steps - 1);
    const [middle] = scaleOf(shown.signed);
    const sizes = Array.from({ length: h * w }, (_, i) => Math.abs(shown.values[(step * h + Math.floor(i / w)) * shown.width + filter * w + (i % w)] - middle));
    const at = sizes.indexOf(Math.max(...sizes));
    return [Math.floor(at / w), at % w];
  }
  number.onPlace = () => paint(state.cursor);

  // -- one filter, everything it does: a row for each quantity, a column for each step ---------------------------
  const life = root.querySelector(".life");
  const ROWS = [["h", "state h"], ["dh", "change of h"], ["z", "update z"], ["r", "reset r"], ["n", "candidate n"], ["before", "h, untrained"]];
  let living = null; // what the table shows
  const soon = later(120); // somebody holding an arrow key passes by many filters
  function live() {
    const { rollout } = state;
    const which = [rollout.key, shown.block, shown.kernel, filter].join(" ");
    if (living === which) return;
    soon(async () => {
      living = which;
      const { block, kernel, size } = shown;
      const index = filter;
      const answer = await call("life", rollout.key, block, kernel, index);
      if (living !== which || answer.error) return;
      const every = Object.entries({ ...answer.rows, before: answer.before });
      const rows = Object.fromEntries(await Promise.all(every.map(async ([name, row]) => [name, { ...row, grey: await grey(row.sprite) }])));
      if (living !== which || state.rollout !== rollout) return;
      life.querySelector("h4").textContent = `Everything that filter ${index} of ${block}, ${times(kernel)} does`;
      tabulate(rows, answer.steps, size);
      life.hidden = false;
    });
  }

  function tabulate(rows, steps, [h, w]) {
    const { rollout } = state;
    const table = life.querySelector("table");
    const every = Array.from({ length: steps }, (_, t) => t);
    const cell = (t, held) => element(`<td class="${isPredicted(t) ? "predicted" : "seen"}" data-t="${t}"></td>`, null, held);
    const line = (name, note, kind, fill) =>
      element(`<tr class="${kind}"><th scope="row">${name}<small>${note}</small></th></tr>`, null, ...every.map((t) => cell(t, fill(t))));
    const reads = (t) => element(`<button type="button" aria-label="step ${t + 1}"></button>`, () => goTo(t), copied(rollout.at("prediction", t)));
    const body = ROWS.map(([key, name]) => {
      const { grey: picture, signed, scale } = rows[key];
      return line(name, `${signed ? "±" : "up to "}${scale.toFixed(2)}`, key, (t) => tile(picture, [h, w], { top: t * h, signed }));
    });
    table.replaceChildren(line("it reads", "seen, then predicted", "frames", reads), ...body);
    now(state.cursor);
  }
  const now = (t) => markNow(life, state.rollout ? stepAt(t) : 0);

  canvas.addEventListener("click", (event) => {
    if (!shown) return;
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / (cell.width + GAP));
    const line = Math.floor((event.clientY - box.top) / (cell.height + GAP));
    const picked = order[line * cell.columns + column];
    if (picked !== undefined) {
      filter = picked;
      follow();
    }
  });
  keys(canvas, { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, ([across, down]) => {
    if (!shown) return;
    filter = order[clamp(order.indexOf(filter) + across + down * cell.columns, 0, order.length - 1)];
    follow();
  });
  root.querySelectorAll(".choices [data-choice]").forEach((group) => {
    group.addEventListener("change", (event) => {
      choice[group.dataset.choice] = event.target.value;
      if (["scale", "sort"].includes(group.dataset.choice)) layout();
      else look();
    });
  });
  detail.querySelector("input").addEventListener("change", () => paint(state.cursor));
  // Another view sends somebody here, to one ConvGRU.
  on("enter", ({ block, kernel, quantity = choice.quantity, ...more }) => {
    const place = { block, kernel, quantity };
    const inputs = Object.entries(place).map(([name, value]) => root.querySelector(`[data-choice="${name}"] input[value="${CSS.escape(value)}"]`));
    if (inputs.includes(null)) return; // a link that names no ConvGRU
    inputs.forEach((input) => (input.checked = true));
    Object.assign(choice, place);
    if (more.filter !== undefined) wanted = more;
    again();
  });
  on("theme", () => {
    living = null;
    layout();
  });
  new ResizeObserver(layout).observe(root.querySelector(".grid"));
};
