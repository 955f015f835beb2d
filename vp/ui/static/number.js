// One number: a place of the enlarged filter, followed through the arithmetic of its ConvGRU. memory.js says which filter.
lvln.oneNumber = (root) => {
  const { state, tint, painted, element, signed, times, clamp, keys, later, pointed, polyline, stroke, arrow, look, draw, flow, isPredicted } = lvln;
  const canvas = root.querySelector(".large canvas");
  const panel = root.querySelector(".number");
  const looks = root.querySelector(".looks");
  const [SHOWN_INPUTS, SHOWN_STATES] = [4, 3];
  const SUMS = { z: [`update ${lvln.word("gate")}`, "how much of the candidate to take"], r: ["reset gate", "how much of the old state to look at"], n: [lvln.word("candidate"), "what to remember instead"] };
  const answers = new Map();
  let filter = null; // { block, kernel, filter, size }
  let of = null; // key of its prediction
  let place = null; // chosen: [row, column]
  let own = false; // whether a visitor chose it
  let hovered = null;
  let shown = null; // what the panel shows
  let step = 0;
  const soon = later(40); // somebody who holds an arrow key passes many places by

  // -- the enlarged filter, on which places are chosen -----------------------------------------------------------
  // Marks on top of what memory.js has drawn.
  function marks() {
    const context = canvas.getContext("2d");
    const cell = canvas.width / filter.size[1];
    const square = ([row, column], reach, strokes) => {
      const side = (2 * reach + 1) * cell;
      stroke(context, strokes, () => context.rect((column - reach) * cell, (row - reach) * cell, side, side));
    };
    for (const at of [place, hovered]) {
      if (!at) continue;
      square(at, (Number(filter.kernel[0]) - 1) / 2, [["rgb(0 0 0 / 0.55)", 3], ["#fff", 1.4]]);
      square(at, 0, [["#000", 4], [at === place ? "#ffd84d" : "#fff", 2]]);
    }
    if (!one.region) return;
    const [top, left, bottom, right] = one.region;
    context.setLineDash([7, 5]);
    stroke(context, [["#000", 4], ["#fff", 2]], () => context.rect(left * canvas.width, top * canvas.height, (right - left) * canvas.width, (bottom - top) * canvas.height));
    context.setLineDash([]);
  }

  /** @param {number[]} at */
  const inCell = (at) => filter.size.map((side, i) => clamp(Math.floor(at[i] * side), 0, side - 1));
  let from = null;
  lvln.drag(canvas, (at, phase) => {
    if (!filter) return;
    if (phase === "begin") from = at;
    const drawn = [0, 1].map((i) => Math.abs(at[i] - from[i]) * filter.size[i]);
    const wide = Math.max(...drawn) >= 1.5;
    if (wide) one.region = [0, 1].map((i) => Math.min(at[i], from[i])).concat([0, 1].map((i) => Math.max(at[i], from[i])));
    if (phase === "end") {
      if (wide) one.onRegion();
      else choose(inCell(at));
      from = null;
    }
    one.onPlace();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!filter || event.pointerType === "touch") return;
    const at = inCell(pointed(event, canvas));
    if (`${at}` === `${hovered}`) return;
    hovered = at;
    one.onPlace();
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = null;
    if (filter) one.onPlace();
  });
  keys(canvas, { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }, (move) => {
    if (!filter) return;
    choose(place.map((v, i) => clamp(v + move[i], 0, filter.size[i] - 1)));
    one.onPlace();
  });

  function choose(at) {
    place = at;
    own = true;
    lvln.noteMemory({ row: at[0], column: at[1] });
  }

  // -- asking ----------------------------------------------------------------------------------------------------
  const named = () => [state.rollout.key, filter.block, filter.kernel, filter.filter, step, ...place].join(" ");

  function ask() {
    const name = named();
    if (answers.has(name)) return tell(answers.get(name));
    soon(async () => {
      const { block, kernel, filter: number } = filter;
      try {
        const answer = await look("one_number", { block, kernel, filter: number, step, row: place[0], column: place[1] });
        if (answer.motion) Object.assign(answer, { moved: (await flow.read(answer.motion, 1))[0] });
        if (answers.size > 300) answers.clear();
        answers.set(name, answer);
        if (named() === name) tell(answer);
      } catch (error) {
        if (named() === name) panel.querySelector(".status").textContent = error.message;
      }
    });
  }

  // -- the arithmetic --------------------------------------------------------------------------------------------
  // A small picture of numbers [k][k] on a scale; what lies beyond the map is left open.
  function patch(values, scale, inside = null) {
    const k = values.length;
    const picture = painted(k, k, (i) => {
      const [y, x] = [Math.floor(i / k), i % k];
      return inside && !inside[y][x] ? [0, 0, 0, 0] : tint(values[y][x] / scale);
    });
    picture.className = "patch";
    return picture;
  }
  const largest = (terms, what) => Math.max(1e-6, ...terms.flatMap((term) => term[what].flat().map(Math.abs)));
  const plain = (v, digits = 2) => (v < -0.5 * 10 ** -digits ? "−" : "") + Math.abs(v).toFixed(digits);

  const bracketed = (v) => (v < 0 ? `(${plain(v)})` : plain(v));

  function side(name, { total, channels, strongest }, count, inside) {
    const terms = strongest.slice(0, count);
    const scales = ["patch", "kernel"].map((what) => largest(terms, what));
    const rows = terms.map((term) => {
      const row = element(`<div class="term"><i>×</i><span><small>${term.name}</small>${signed(term.adds, 2)}</span></div>`);
      row.prepend(patch(term.patch, scales[0], inside));
      row.querySelector("i").after(patch(term.kernel, scales[1]));
      row.title = `${term.name} adds ${signed(term.adds, 3)}: what lies under the kernel, times the kernel, summed up`;
      return row;
    });
    const rest = total - terms.reduce((sum, term) => sum + term.adds, 0);
    return [element(`<h6>${name}</h6>`), ...rows, element(`<p class="rest"><small>${channels - terms.length} more</small>${signed(rest, 2)}</p>`)];
  }

  // What the sum becomes: the curve of the sigmoid or the tanh, and where on it this number lies.
  function squash(name, { total, value }) {
    const [low, f] = name === "n" ? [-1, Math.tanh] : [0, (v) => 1 / (1 + Math.exp(-v))];
    const wide = Math.max(4, Math.min(12, Math.abs(total) * 1.15));
    const x = (v) => 80 + 74 * clamp(v / wide, -1);
    const y = (v) => 50 - (44 * (v - low)) / (1 - low);
    const curve = polyline(Array.from({ length: 41 }, (_, i) => (i / 20 - 1) * wide).map((v) => [x(v), y(f(v))]));
    return `<svg viewBox="0 0 160 66" role="img" aria-label="${name === "n" ? "tanh" : "sigmoid"} of ${total.toFixed(2)} is ${value.toFixed(2)}">
      <path class="axis" d="M6 ${y(low)}H154M80 4V54"/><path class="curve" d="${curve}"/>
      <path class="drop" d="M${x(total)} 54V${y(value)}"/><circle cx="${x(total)}" cy="${y(value)}" r="4"/>
      <text x="6" y="64">${plain(-wide, 0)}</text><text x="154" y="64" text-anchor="end">${wide.toFixed(0)}</text><text x="80" y="64" text-anchor="middle">${name === "n" ? "tanh" : "sigmoid"}</text></svg>`;
  }

  function column(name, sum, inside) {
    const [title, about] = SUMS[name];
    const box = element(`<section class="sum" data-sum="${name}"><h5><i>${name}</i> ${title}</h5><p class="quiet">${about}</p><div class="terms"></div></section>`);
    box.querySelector(".terms").append(
      ...side("it reads", sum.inputs, SHOWN_INPUTS, inside),
      ...side(name === "n" ? "old state × r" : "old state", sum.states, SHOWN_STATES, inside),
      element(`<p class="rest"><small>bias</small>${signed(sum.bias, 2)}</p>`)
    );
    box.append(element(`<p class="total"><small>sum</small><b>${signed(sum.total, 2)}</b></p>`), element(squash(name, sum)), element(`<p class="total value"><small>${name} =</small><b>${plain(sum.value)}</b></p>`));
    return box;
  }

  // From h towards n, by the share z.
  function scale({ before, after, sums: { z, n } }) {
    const x = (v) => 250 + 225 * v;
    const mark = (v, kind, text, y) => `<g class="${kind}"><circle cx="${x(v)}" cy="38" r="6"/><text x="${x(v)}" y="${y}" text-anchor="middle">${text} ${plain(v)}</text></g>`;
    const ticks = [-1, -0.5, 0, 0.5, 1].map((v) => `<path class="axis" d="M${x(v)} 34V42"/><text class="tick" x="${x(v)}" y="80" text-anchor="middle">${plain(v, 1)}</text>`).join("");
    return `<svg class="scale" viewBox="0 0 500 84" role="img" aria-label="the state goes from ${plain(before)} to ${plain(after)}">
      <path class="axis" d="M${x(-1)} 38H${x(1)}"/>${ticks}<path class="way" d="M${x(before)} 38H${x(n.value)}"/><path class="gone" d="M${x(before)} 38H${x(after)}"/>
      ${mark(n.value, "n", "n", 22)}${mark(before, "before", "h", 62)}${mark(after, "after", "h′", Math.abs(after - n.value) < 0.22 ? 10 : 22)}</svg>`;
  }

  function tell(answer) {
    shown = answer;
    const { part, row, column: across, sums, before, after, recorded } = answer;
    const z = sums.z.value;
    panel.querySelector(".status").textContent = "";
    panel.querySelector("h4").textContent = `One number: row ${row}, column ${across} of ${times(part).replaceAll(".", " ")} at step ${answer.step + 1}`;
    panel.querySelector(".sums").replaceChildren(...["z", "r", "n"].map((name) => column(name, sums[name], answer.inside)));
    panel.querySelector(".becomes").replaceChildren(
      element(`<p class="equation">h′ = (1 − z) · h + z · n = (1 − ${plain(z)}) · ${bracketed(before)} + ${plain(z)} · ${bracketed(sums.n.value)} = <b>${plain(after, 3)}</b></p>`),
      element(scale(answer)),
      element(`<p class="quiet">The network itself, in its own precision, has ${plain(recorded.h, 3)}. Numbers beyond the border of the map are zero.</p>`),
    );
    panel.querySelector(".body").hidden = false;
    where();
  }

  // Where in the frame a place looks, and what moved there.
  function where() {
    const at = hovered || place;
    if (!shown || !at || `${shown.step} ${shown.part}` !== `${step} ${filter.block}.${filter.kernel}.${filter.filter}`) return;
    const [row, column] = at;
    const [stride, low, high] = shown.reach;
    const [height, width] = state.rollout.size;
    const target = looks.querySelector("canvas");
    draw(target, state.rollout.at("prediction", step));
    const context = target.getContext("2d");
    const zoom = target.width / width;
    const span = (v, side) => [Math.max(0, v * stride + low), Math.min(side, v * stride + high)];
    const [[top, bottom], [left, right]] = [span(row, height), span(column, width)];
    context.fillStyle = "rgb(10 12 16 / 0.45)";
    const part = () => context.rect(left * zoom, top * zoom, (right - left) * zoom, (bottom - top) * zoom);
    context.beginPath();
    context.rect(0, 0, target.width, target.height);
    part();
    context.fill("evenodd");
    stroke(context, [["#fff", 2]], part);
    let moved = "";
    if (shown.moved) {
      const { right: along, down, w } = shown.moved;
      const [dx, dy] = [along[row * w + column], down[row * w + column]];
      const [x, y] = [(column + 0.5) * stride * zoom, (row + 0.5) * stride * zoom];
      arrow(context, flow.ARROWS.alone, [x - dx * zoom, y - dy * zoom], [x, y], (width) => width + 1);
      moved = !step ? "; there is no frame before it to compare with" : Math.hypot(dx, dy) < 0.25 ? "; it found no motion there" : `; it found that this moved ${Math.hypot(dx, dy).toFixed(1)} pixels ${flow.way(dx, dy)}`;
    }
    looks.querySelector("figcaption").textContent = `Row ${row}, column ${column} looks at ${bottom - top}×${right - left} pixels of the ${isPredicted(step) ? "frame that it predicted itself" : `frame`}${moved}.`;
    looks.hidden = false;
  }

  const one = {
    region: null, // [top, left, bottom, right] in shares, as somebody draws it
    onRegion() {},
    onPlace() {},
    // Another filter, or the same of another prediction; at: [row, column] if a link names it.
    enter(wanted, strongest, at = null) {
      const same = filter && state.rollout.key === of && `${Object.values(filter)}` === `${Object.values(wanted)}`;
      filter = wanted;
      of = state.rollout.key;
      hovered = null;
      const fits = (p) => p && p.every((v, i) => Number.isInteger(v) && v >= 0 && v < filter.size[i]);
      if (fits(at)) choose(at);
      else if (!fits(place) || !(own || same)) place = strongest();
      lvln.noteMemory({ row: place[0], column: place[1] });
    },
    paint(t) {
      if (!filter || !place) return;
      step = t;
      marks();
      ask();
      where();
    },
  };
  return one;
};
