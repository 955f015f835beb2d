// Classes: which action the whole clip shows, how the scores came about, and which memory says so.
lvln.views.classes = (root) => {
  const { state, on, classify, element, spaced, cut, lut, enter } = lvln;
  const board = root.querySelector(".board");
  const watching = root.querySelector(".watching");
  const empty = root.querySelector(".empty");
  const place = (name) => board.querySelector(`.${name}`);
  let asked = null; // the file that was asked about
  let shown = null; // the answer on show
  let look = 0;
  let pictures = [];
  let heat = [];

  const visible = () => root.offsetParent !== null;
  const percent = (v) => `${(100 * v).toFixed(v > 0.0995 || v < 0.0005 ? 0 : 1)} %`;
  const last = (c) => c.course[c.course.length - 1];

  async function ask() {
    const { rollout } = state;
    if (!rollout || !visible() || asked === (rollout.file || rollout.key)) return;
    const mine = (asked = rollout.file || rollout.key);
    board.hidden = empty.hidden = true;
    const bar = watching.querySelector("progress");
    bar.value = 0;
    watching.hidden = false;
    watching.querySelector("span").textContent = "Watching the whole clip…";
    try {
      const answer = await classify((share) => asked === mine && (bar.value = share));
      if (asked === mine) await fill(answer);
    } catch (error) {
      if (asked !== mine) return;
      asked = null; // so that coming back asks again
      empty.textContent = error.message;
      empty.hidden = false;
    } finally {
      if (asked === mine || !asked) watching.hidden = true;
    }
  }

  // What the clip shows, as its name says, and what that makes of the answer.
  function truth({ truth, known, unsure }) {
    if (!truth) return "";
    const name = `<b>${spaced(truth.label)}</b>`;
    const seen = truth.trained_on ? " Clips cut from the same video were used in training: here it is easy to be right." : "";
    let said = `This is ${name}, which is not among the ${known} actions it knows${unsure ? ": unsure is what it should be" : ""}.`;
    let mark = unsure ? ["good", "✓"] : ["bad", "✗"];
    if (truth.place) {
      mark = truth.place === 1 ? ["good", "✓"] : ["bad", "✗"];
      const ordinal = `${truth.place}${["th", "st", "nd", "rd"][truth.place % 10 > 3 || Math.floor(truth.place / 10) === 1 ? 0 : truth.place % 10]}`;
      said = truth.place > 1
        ? `${unsure ? "Its guess is wrong" : "Wrong"}: this is ${name}, which came ${ordinal} at ${percent(truth.score)}.`
        : `${unsure ? "Its guess is right" : "Right"}: this is ${name}.`;
    }
    return `<p class="truth"><span class="${mark[0]}" aria-hidden="true">${mark[1]}</span> ${said}${seen}</p>`;
  }

  function verdict(answer) {
    const best = answer.classes[0];
    const score = percent(last(best));
    if (!answer.unsure) return `<h3>${spaced(best.name)}</h3><p>with a score of ${score}, of ${answer.known} actions it knows.</p>`;
    const why = answer.familiar
      ? `Its best guess is ${spaced(best.name)}, at ${score} only.`
      : `Nothing in its training looked like this. The nearest is ${spaced(best.name)}, at ${score}.`;
    return `<h3 class="unsure">Unsure</h3><p>${why} It knows ${answer.known} actions.</p>`;
  }

  async function fill(answer) {
    shown = answer;
    const [frames, maps] = await Promise.all([
      cut(answer.pictures, answer.looks.length, answer.size),
      cut(answer.heat, answer.looks.length, answer.heat_size),
    ]);
    if (shown !== answer) return;
    [pictures, heat] = [frames, maps];
    place("verdict").innerHTML = `${verdict(answer)}<small>${answer.title}, ${answer.frames} ${answer.frames === 1 ? "frame" : "frames"} in ${answer.seconds.toFixed(1)} s</small>${truth(answer)}`;
    place("bars").replaceChildren(
      ...answer.classes.map((c, i) =>
        element(`<div role="listitem" class="${i ? "" : "top"} ${answer.truth?.place === i + 1 ? "true" : ""}"><span>${spaced(c.name)}</span><i><u style="width:${100 * last(c)}%"></u></i><b>${percent(last(c))}</b></div>`),
      ),
    );
    place("looks").replaceChildren(
      ...answer.looks.map((t, i) => {
        const button = element(`<button type="button" aria-label="at ${(t / answer.fps).toFixed(1)} seconds"></button>`);
        button.append(thumbnail(frames[i]));
        button.addEventListener("click", () => choose(i));
        return button;
      }),
    );
    empty.hidden = true;
    board.hidden = false;
    who(answer);
    // The moment that says most, to begin with.
    const loud = maps.map(loudness);
    choose(loud.indexOf(Math.max(...loud)));
    course();
  }

  function thumbnail(frame) {
    const canvas = document.createElement("canvas");
    canvas.width = frame.width;
    canvas.height = frame.height;
    canvas.getContext("2d").drawImage(frame, 0, 0);
    return canvas;
  }

  const grey = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  function loudness(map) {
    const data = grey(map);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += Math.max(0, data[i] - 128);
    return sum;
  }

  // -- where: the frame in grey, with what speaks for the class in red over it ------------------------------------
  function paintWhere() {
    const canvas = place("where").querySelector("canvas");
    const frame = pictures[look];
    if (!frame) return;
    const [height, width] = shown.size.map((side) => side * 4);
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.filter = "grayscale(1)";
    context.drawImage(frame, 0, 0, width, height);
    context.filter = "none";
    const map = heat[look];
    const data = grey(map);
    const over = document.createElement("canvas");
    over.width = map.width;
    over.height = map.height;
    const pixels = new ImageData(map.width, map.height);
    for (let i = 0; i < data.length; i += 4) {
      const v = (data[i] - 128) / 127;
      pixels.data.set(v > 0 ? [222, 60, 32] : [40, 110, 220], i);
      pixels.data[i + 3] = 225 * Math.min(1, Math.abs(v)) ** 0.7;
    }
    over.getContext("2d").putImageData(pixels, 0, 0);
    context.drawImage(over, 0, 0, width, height);
    place("where").querySelector(".note").textContent = `at ${(shown.looks[look] / shown.fps).toFixed(1)} s`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `where the memories speak for ${shown.classes[0].name}`);
  }
  function choose(i) {
    look = i;
    [...place("looks").children].forEach((button, k) => button.setAttribute("aria-pressed", k === i));
    paintWhere();
    cursor();
  }

  // -- course: one line a class, the window on show as a band ----------------------------------------------------
  const [W, H, L, R, T, B] = [640, 230, 48, 150, 12, 26];
  const x = (t) => L + ((W - L - R) * t) / Math.max(1, shown.frames - 1);
  const y = (v) => T + (H - T - B) * (1 - v);
  function course() {
    if (!shown || board.hidden) return;
    const lines = shown.classes.slice(0, 4);
    const ends = lines.map((c, i) => ({ at: y(last(c)), i })).sort((a, b) => a.at - b.at);
    for (let k = 1; k < ends.length; k += 1) ends[k].at = Math.max(ends[k].at, ends[k - 1].at + 15);
    // Those at the bottom move up as far as they must, the others stay at their lines.
    ends.reduceRight((below, end) => (end.at = Math.min(end.at, below)) - 15, H - B);
    const seconds = (shown.frames - 1) / shown.fps;
    const every = [0.5, 1, 2, 5, 10].find((step) => seconds / step <= 6) || 30;
    const ticks = Array.from({ length: Math.floor(seconds / every) + 1 }, (_, k) => k * every);
    place("course").querySelector("div").innerHTML = `<svg viewBox="0 0 ${W} ${H}" role="img" aria-label="scores of the first ${lines.length} classes over the clip">
      <rect class="window" y="${T}" height="${H - T - B}"/>
      ${[0, 0.5, 1].map((v) => `<g class="tick"><path d="M${L} ${y(v)}H${W - R}"/><text x="${L - 6}" y="${y(v) + 4}" text-anchor="end">${100 * v} %</text></g>`).join("")}
      ${ticks.map((s) => `<text class="label" x="${x(s * shown.fps)}" y="${H - 6}" text-anchor="middle">${s} s</text>`).join("")}
      ${lines.map((c, i) => `<g class="series s${i}"><path d="${c.course.map((v, t) => `${t ? "L" : "M"}${x(t).toFixed(1)} ${y(v).toFixed(1)}`).join("")}"/><text x="${W - R + 8}" y="${ends.find((e) => e.i === i).at + 4}">${spaced(c.name)}</text></g>`).join("")}
      <path class="cursor"/><path class="look"/>
    </svg>`;
    const picture = place("course").querySelector("svg");
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      const t = (((event.clientX - box.left) / box.width) * W - L) / ((W - L - R) / Math.max(1, shown.frames - 1));
      const apart = shown.looks.map((at) => Math.abs(at - t));
      choose(apart.indexOf(Math.min(...apart)));
    });
    cursor();
  }
  function cursor() {
    const picture = place("course").querySelector("svg");
    const { rollout } = state;
    if (!shown || !picture || !rollout) return;
    const inside = (t) => Math.max(L, Math.min(W - R, x(t)));
    const at = (frame) => inside((rollout.start + frame / rollout.fps) * shown.fps);
    const band = picture.querySelector(".window");
    const [from, to] = [at(0), at(rollout.seen + rollout.horizon - 1)];
    band.setAttribute("x", from);
    band.setAttribute("width", Math.max(2, to - from));
    picture.querySelector(".cursor").setAttribute("d", `M${at(state.cursor)} ${T}V${H - B}`);
    picture.querySelector(".look").setAttribute("d", `M${inside(shown.looks[look])} ${H - B}l-4 7h8z`);
  }

  // -- who: the memories it reads, and the filters that say most ----------------------------------------------------
  function who(answer) {
    const table = lut(true);
    const every = Object.values(answer.memories).flatMap((kernels) => Object.values(kernels));
    const peak = Math.max(...every.map(Math.abs), 1e-9);
    const colour = (v) => {
      const i = 3 * Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, v)));
      return `rgb(${table[i]} ${table[i + 1]} ${table[i + 2]})`;
    };
    const kernels = Object.keys(Object.values(answer.memories)[0]);
    const cell = (v) => `<td style="background:${colour(v / peak)}" class="${Math.abs(v) > 0.6 * peak ? "strong" : ""}">${v > 0 ? "+" : v < 0 ? "−" : ""}${Math.abs(v).toFixed(2)}</td>`;
    place("memories").innerHTML = `<thead><tr><th></th>${kernels.map((k) => `<th>${k.replace("x", "×")}</th>`).join("")}</tr></thead>
      <tbody>${Object.entries(answer.memories).map(([b, row]) => `<tr><th>${b}</th>${kernels.map((k) => cell(row[k])).join("")}</tr>`).join("")}</tbody>`;
    const box = place("filters");
    box.replaceChildren(
      element("<p class='quiet'>The filters that say most. Click one to see it at work.</p>"),
      ...answer.filters.slice(0, 8).map((f) => {
        const button = element(`<button type="button"><b>${f.block} ${f.kernel.replace("x", "×")}</b> filter ${f.filter} <i class="${f.evidence > 0 ? "for" : "against"}">${f.evidence > 0 ? "+" : "−"}${Math.abs(f.evidence).toFixed(2)}</i></button>`);
        button.addEventListener("click", () => open(f));
        return button;
      }),
    );
  }
  function open(f) {
    const { rollout } = state;
    if (rollout.model !== shown.predictor) {
      // The states are those of one network: show it first.
      document.querySelector(`#model input[value="${shown.predictor}"]`)?.click();
      let waiting = true;
      on("rollout", (next) => {
        if (waiting && next.model === shown.predictor) {
          waiting = false;
          enter(f.block, f.kernel, { filter: f.filter, quantity: "h" });
        }
      });
    } else enter(f.block, f.kernel, { filter: f.filter, quantity: "h" });
  }

  on("rollout", () => {
    if ((state.rollout.file || state.rollout.key) !== asked) {
      shown = null;
      board.hidden = true;
    }
    ask();
    cursor();
  });
  on("cursor", cursor);
  on("theme", () => shown && (who(shown), course()));
  new IntersectionObserver(ask).observe(root);
};
