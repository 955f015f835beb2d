// Memory: the filters of one ConvGRU, scrubbed through time with the shared cursor.
lvln.views.memory = (root) => {
  const { state, on, call, stepAt, grey, lut, element, play, setCursor } = lvln;
  const choice = { block: "C1", kernel: "3x3", quantity: "h", scale: "shared", sort: "activity" };
  const canvas = root.querySelector(".grid canvas");
  const detail = root.querySelector(".detail");
  const status = root.querySelector(".status");
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
  let asked = null; // a filter that a link names
  let wanted = 0;

  async function load() {
    const { rollout } = state;
    if (!rollout || root.offsetParent === null) return;
    const key = [rollout.key, choice.block, choice.kernel, choice.quantity].join(" ");
    const mine = ++wanted;
    if (!cache.has(key)) {
      status.textContent = "Reading the memory…";
      cache.set(key, fetchOne(rollout.key, { ...choice }));
      if (cache.size > 24) cache.delete(cache.keys().next().value);
    }
    try {
      const loaded = await cache.get(key);
      if (mine !== wanted) return;
      status.textContent = "";
      const same = shown && shown.block === loaded.block && shown.kernel === loaded.kernel;
      shown = loaded;
      // Networks differ in how many filters a block has.
      if (!same || filter >= loaded.filters) filter = null;
      if (asked !== null && asked < loaded.filters) filter = asked;
      asked = null;
      layout();
    } catch (error) {
      cache.delete(key);
      if (mine === wanted) status.textContent = error.message || String(error);
    }
  }

  async function fetchOne(key, { block, kernel, quantity }) {
    const payload = await call("activations", key, block, kernel, quantity);
    if (payload.error) throw new Error(payload.error);
    const { values, width } = await grey(payload.sprite);
    return { ...payload, values, width, activity: measure(payload, values, width) };
  }

  // Mean size of a filter's values (of its change, for gates) at every step: activity[step][filter].
  function measure({ steps, filters, size: [h, w], scale, signed }, values, width) {
    const middle = signed ? 127.5 : 0;
    return Array.from({ length: steps }, (_, t) =>
      Array.from({ length: filters }, (_, f) => {
        let sum = 0;
        for (let y = 0; y < h; y += 1) {
          const start = (t * h + y) * width + f * w;
          for (let x = 0; x < w; x += 1) sum += Math.abs(values[start + x] - middle);
        }
        return (scale[f] * sum) / (h * w) / (signed ? 127.5 : 255);
      })
    );
  }

  const peak = () => Math.max(...shown.scale);

  // One filter at one step, coloured, into ImageData.
  function tile(f, t, table, shared) {
    const [h, w] = shown.size;
    const picture = new ImageData(w, h);
    const share = shared ? shown.scale[f] / peak() : 1;
    const middle = shown.signed ? 127.5 : 0;
    for (let y = 0; y < h; y += 1) {
      const start = (t * h + y) * shown.width + f * w;
      for (let x = 0; x < w; x += 1) {
        const v = 3 * Math.round(middle + (shown.values[start + x] - middle) * share);
        const o = 4 * (y * w + x);
        picture.data[o] = table[v];
        picture.data[o + 1] = table[v + 1];
        picture.data[o + 2] = table[v + 2];
        picture.data[o + 3] = 255;
      }
    }
    return picture;
  }

  const small = document.createElement("canvas");
  function stamp(context, picture, x, y, width, height) {
    small.width = picture.width;
    small.height = picture.height;
    small.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = picture.width > 40;
    context.drawImage(small, x, y, width, height);
  }

  const GAP = 6;
  let cell = { columns: 8, width: 100, height: 60 };
  function layout() {
    if (!shown || root.offsetParent === null) return;
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
    const shared = choice.scale === "shared";
    const bound = shared ? peak() : null;
    const text = (v) => (bound === null ? (v ? `${v < 0 ? "−" : ""}max` : "0") : v ? (v * bound).toFixed(2).replace("-", "−") : "0");
    legend.innerHTML = `<span>${shown.signed ? text(-1) : "0"}</span><i></i><span>${text(1)}</span><small>${MEANING[shown.quantity]}</small>`;
    const table = lut(shown.signed);
    const colours = Array.from({ length: 9 }, (_, i) => {
      const k = 3 * Math.round((255 * i) / 8);
      return `rgb(${table[k]},${table[k + 1]},${table[k + 2]})`;
    });
    legend.querySelector("i").style.background = `linear-gradient(90deg, ${colours.join(",")})`;
    paint(state.cursor);
    follow();
  }

  function paint(t) {
    if (!shown || root.offsetParent === null) return;
    const step = Math.min(stepAt(t), shown.steps - 1);
    const context = canvas.getContext("2d");
    const table = lut(shown.signed);
    const shared = choice.scale === "shared";
    context.clearRect(0, 0, canvas.width, canvas.height);
    order.forEach((f, i) => {
      const x = (i % cell.columns) * (cell.width + GAP);
      const y = Math.floor(i / cell.columns) * (cell.height + GAP);
      stamp(context, tile(f, step, table, shared), x, y, cell.width, cell.height);
      if (f === filter) {
        context.strokeStyle = getComputedStyle(root).getPropertyValue("--ink");
        context.lineWidth = 2.5;
        context.strokeRect(x + 1, y + 1, cell.width - 2, cell.height - 2);
      }
    });
    enlarge(step);
    detail.querySelectorAll(".step").forEach((b, i) => b.classList.toggle("now", i === step));
  }

  const large = () => detail.querySelector(".large canvas");
  function enlarge(step) {
    const target = large();
    if (!target || filter === null) return;
    const [h, w] = shown.size;
    const zoom = Math.max(1, Math.round(384 / w));
    target.width = w * zoom;
    target.height = h * zoom;
    const context = target.getContext("2d");
    const overlay = detail.querySelector("input").checked;
    const frame = state.rollout.at("prediction", Math.min(step, lvln.frames() - 1));
    if (overlay && frame) {
      context.drawImage(frame, 0, 0, target.width, target.height);
      const picture = tile(filter, step, lut(shown.signed), false);
      const [hh, ww] = shown.size;
      const middle = shown.signed ? 127.5 : 0;
      for (let i = 0; i < hh * ww; i += 1) {
        const y = Math.floor(i / ww);
        const v = shown.values[(step * hh + y) * shown.width + filter * ww + (i % ww)];
        picture.data[4 * i + 3] = Math.min(220, (Math.abs(v - middle) / (shown.signed ? 127.5 : 255)) * 300);
      }
      stamp(context, picture, 0, 0, target.width, target.height);
    } else {
      stamp(context, tile(filter, step, lut(shown.signed), choice.scale === "shared"), 0, 0, target.width, target.height);
    }
    const activity = shown.activity[step][filter];
    detail.querySelector(".numbers").textContent = `mean size ${activity.toFixed(3)} at step ${step + 1} · largest ${shown.scale[filter].toFixed(3)}`;
  }

  // The chosen filter through all steps, in one row, with its activity as a line.
  function follow() {
    if (filter === null) return;
    detail.querySelector("h4").textContent = `Filter ${filter} of ${shown.block}, ${shown.kernel.replace("x", "×")}`;
    const row = detail.querySelector(".steps");
    const table = lut(shown.signed);
    const highest = Math.max(...shown.activity.map((step) => step[filter]), 1e-6);
    row.replaceChildren(
      ...Array.from({ length: shown.steps }, (_, t) => {
        const predicted = t >= state.rollout.seen;
        const button = element(`<button type="button" class="step ${predicted ? "predicted" : "seen"}"><canvas></canvas><u><i></i></u><span>${predicted ? `+${t - state.rollout.seen + 1}` : t + 1}</span></button>`);
        const c = button.querySelector("canvas");
        [c.height, c.width] = shown.size;
        c.getContext("2d").putImageData(tile(filter, t, table, false), 0, 0);
        button.querySelector("i").style.width = `${(100 * shown.activity[t][filter]) / highest}%`;
        button.setAttribute("aria-label", `step ${t + 1}`);
        button.addEventListener("click", () => {
          play(false);
          setCursor(t);
        });
        return button;
      })
    );
    paint(state.cursor);
    live();
    lvln.noteMemory({ block: shown.block, kernel: shown.kernel, quantity: shown.quantity, filter });
  }

  // -- one filter, everything it does: a row for each quantity, a column for each step ---------------------------
  const life = root.querySelector(".life");
  const ROWS = [["h", "state h"], ["dh", "change of h"], ["z", "update z"], ["r", "reset r"], ["n", "candidate n"], ["before", "h, untrained"]];
  let living = null; // what the table shows
  let waiting = null;
  function live() {
    const { rollout } = state;
    const which = [rollout.key, shown.block, shown.kernel, filter].join(" ");
    if (living === which) return;
    clearTimeout(waiting);
    // Somebody holding an arrow key passes by many filters.
    waiting = setTimeout(async () => {
      living = which;
      const { block, kernel, size } = shown;
      const index = filter;
      const found = await call("life", rollout.key, block, kernel, index);
      if (living !== which || found.error) return;
      const rows = { ...found.rows, before: found.before };
      for (const row of Object.values(rows)) row.grey = await grey(row.sprite);
      if (living !== which || state.rollout !== rollout) return;
      life.querySelector("h4").textContent = `Everything that filter ${index} of ${block}, ${kernel.replace("x", "×")} does`;
      tabulate(rows, found.steps, size);
      life.hidden = false;
    }, 120);
  }
  function tabulate(rows, steps, [h, w]) {
    const { rollout } = state;
    const table = life.querySelector("table");
    const every = Array.from({ length: steps }, (_, t) => t);
    const put = (cell, picture) => {
      const c = document.createElement("canvas");
      [c.width, c.height] = [picture.width, picture.height];
      const context = c.getContext("2d");
      picture instanceof ImageData ? context.putImageData(picture, 0, 0) : context.drawImage(picture, 0, 0);
      cell.append(c);
      return cell;
    };
    const line = (name, note, cells, kind) => {
      const row = element(`<table><tr class="${kind}"><th scope="row">${name}<small>${note}</small></th></tr></table>`).querySelector("tr");
      row.append(...cells);
      return row;
    };
    const frames = every.map((t) => {
      const cell = document.createElement("td");
      cell.className = t >= rollout.seen ? "predicted" : "seen";
      const button = element(`<button type="button" aria-label="step ${t + 1}"></button>`);
      button.addEventListener("click", () => {
        play(false);
        setCursor(t);
      });
      cell.append(put(button, rollout.at("prediction", t)));
      return cell;
    });
    const body = ROWS.map(([key, name]) => {
      const { grey: picture, signed, scale } = rows[key];
      const colours = lut(signed);
      const cells = every.map((t) => {
        const tile = new ImageData(w, h);
        for (let i = 0; i < h * w; i += 1) {
          const v = 3 * picture.values[(t * h + Math.floor(i / w)) * picture.width + (i % w)];
          tile.data.set([colours[v], colours[v + 1], colours[v + 2], 255], 4 * i);
        }
        return put(document.createElement("td"), tile);
      });
      return line(name, `${signed ? "±" : "up to "}${scale.toFixed(2)}`, cells, key);
    });
    table.replaceChildren(line("it reads", "seen, then predicted", frames, "frames"), ...body);
    now(state.cursor);
  }
  function now(t) {
    const step = state.rollout ? stepAt(t) : 0;
    life.querySelectorAll("tr").forEach((row) => [...row.querySelectorAll("td")].forEach((cell, i) => cell.classList.toggle("now", i === step)));
  }

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
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cell.columns, ArrowDown: cell.columns }[event.key];
    if (!move || !shown) return;
    event.preventDefault();
    const place = Math.max(0, Math.min(order.length - 1, order.indexOf(filter) + move));
    filter = order[place];
    follow();
  });
  root.querySelectorAll("[data-choice]").forEach((group) => {
    group.addEventListener("change", (event) => {
      choice[group.dataset.choice] = event.target.value;
      if (["scale", "sort"].includes(group.dataset.choice)) layout();
      else load();
    });
  });
  detail.querySelector("input").addEventListener("change", () => paint(state.cursor));
  // Another view sends somebody here, to one ConvGRU.
  on("enter", ({ block, kernel, quantity = choice.quantity, filter: wantedFilter = null }) => {
    const place = { block, kernel, quantity };
    const inputs = Object.entries(place).map(([name, value]) => root.querySelector(`[data-choice="${name}"] input[value="${CSS.escape(value)}"]`));
    if (inputs.includes(null)) return; // a link that names no ConvGRU
    inputs.forEach((input) => (input.checked = true));
    Object.assign(choice, place);
    if (wantedFilter !== null) asked = wantedFilter;
    load();
  });
  on("rollout", load);
  on("cursor", (t) => {
    paint(t);
    now(t);
  });
  on("theme", () => {
    living = null;
    layout();
  });
  new ResizeObserver(layout).observe(root.querySelector(".grid"));
  new IntersectionObserver(load).observe(root);
};
