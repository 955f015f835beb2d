// Classes: which action the whole clip shows, how the scores came about, and which memory says so.
lvln.views.classes = (root) => {
  const { state, on, once, classify, element, clicks, spaced, signed, clamp, cut, copied, rgba, painted, tint, times, enter, pointed, lineChart, lazy } = lvln;
  const FILLING = 5; // frames until the memories have filled
  const board = root.querySelector(".board");
  const watching = root.querySelector(".watching");
  const empty = root.querySelector(".empty");
  const place = (name) => board.querySelector(`.${name}`);
  let shown = null; // the answer on show
  let look = 0;
  let pictures = [];
  let heat = {}; // by stream
  let stream = "both";
  const silenced = new Set(); // blocks and ConvGRUs

  const percent = (v) => `${(100 * v).toFixed(v > 0.0995 || v < 0.0005 ? 0 : 1)} %`;
  const last = (c) => c.course.at(-1);

  const bar = watching.querySelector("progress");
  const watched = lazy(root, {
    key: ({ file, key }) => `${file || key} ${[...silenced].sort().join(" ")}`,
    async ask(_, fresh) {
      bar.value = 0;
      const answer = await classify((share) => fresh() && (bar.value = share), [...silenced]);
      const count = answer.looks.length;
      const maps = {};
      for (const [name, strip] of Object.entries(answer.heat)) maps[name] = await cut(strip, count, answer.heat_size);
      return { answer, frames: await cut(answer.pictures, count, answer.size), maps };
    },
    message: "Watching the whole clip…",
    say(kind, text) {
      if (kind) board.hidden = true;
      watching.hidden = kind !== "waiting";
      empty.hidden = kind !== "failed";
      watching.querySelector("span").textContent = empty.textContent = text;
    },
    show: fill,
    paint: cursor,
    clear() {
      shown = null;
      board.hidden = watching.hidden = true;
    },
  });

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

  function fill({ answer, frames, maps }) {
    [shown, pictures, heat] = [answer, frames, maps];
    const { title, frames: count, seconds, silence } = answer;
    const watched = `${title}, ${count} ${count === 1 ? "frame" : "frames"} in ${seconds.toFixed(1)} s`;
    const without = silence.length ? `, without ${times(silence.join(", "))}` : "";
    place("verdict").innerHTML = `${verdict(answer)}<small>${watched}${without}</small>${truth(answer)}`;
    place("bars").replaceChildren(
      ...answer.classes.map((c, i) =>
        element(`<div role="listitem" class="${i ? "" : "top"} ${answer.truth?.place === i + 1 ? "true" : ""}"><span>${spaced(c.name)}</span><i><u style="width:${100 * last(c)}%"></u></i><b>${percent(last(c))}</b></div>`),
      ),
    );
    place("looks").replaceChildren(
      ...answer.looks.map((t, i) => element(`<button type="button" aria-label="at ${(t / answer.fps).toFixed(1)} seconds"></button>`, () => choose(i), copied(frames[i]))),
    );
    board.hidden = false;
    who(answer);
    // The moment that says most, to begin with.
    const loud = maps.both.map(loudness);
    choose(loud.indexOf(Math.max(...loud)));
    course();
    when();
  }

  function loudness(map) {
    const data = rgba(map);
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
    const map = heat[stream][look];
    const data = rgba(map);
    const over = painted(map.height, map.width, (i) => {
      const v = (data[4 * i] - 128) / 127;
      return [...(v > 0 ? [222, 60, 32] : [40, 110, 220]), 225 * Math.min(1, Math.abs(v)) ** 0.7];
    });
    context.drawImage(over, 0, 0, width, height);
    place("where").querySelector(".note").textContent = `at ${(shown.looks[look] / shown.fps).toFixed(1)} s`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `where ${stream === "both" ? "it" : stream} speaks for ${shown.classes[0].name}`);
  }
  const which = [...place("which").children];
  clicks(which, (button) => {
    stream = button.dataset.stream;
    which.forEach((b) => b.setAttribute("aria-pressed", b === button));
    paintWhere();
  });

  function choose(i) {
    look = i;
    [...place("looks").children].forEach((button, k) => button.setAttribute("aria-pressed", k === i));
    paintWhere();
    cursor();
  }

  // -- course: one line a class, the window on show as a band ----------------------------------------------------
  let chart = null;

  function seconds() {
    const whole = (shown.frames - 1) / shown.fps;
    const every = [0.5, 1, 2, 5, 10].find((step) => whole / step <= 6) || 30;
    return Array.from({ length: Math.floor(whole / every) + 1 }, (_, k) => ({ at: k * every * shown.fps, text: `${k * every} s` }));
  }

  function course() {
    if (!shown || board.hidden) return;
    const lines = shown.classes.slice(0, 4);
    chart = lineChart({
      title: `scores of the first ${lines.length} classes over the clip`,
      series: lines.map((c, i) => ({ name: spaced(c.name), kind: `s${i}`, values: c.course })),
      range: [0, 1],
      ticks: [0, 0.5, 1].map((v) => ({ v, text: `${100 * v} %` })),
      labels: seconds(),
      right: 150,
      under: ({ top, bottom }) => `<rect class="window" y="${top}" height="${bottom - top}"/>`,
      over: () => '<path class="cursor"/><path class="look"/>',
    });
    const { picture, left, right } = chart;
    place("course").querySelector("div").replaceChildren(picture);
    picture.addEventListener("click", (event) => {
      const [, across] = pointed(event, picture);
      const t = (across * picture.viewBox.baseVal.width - left) / ((right - left) / Math.max(1, shown.frames - 1));
      const apart = shown.looks.map((at) => Math.abs(at - t));
      choose(apart.indexOf(Math.min(...apart)));
    });
    cursor();
  }

  function cursor() {
    const { rollout } = state;
    if (!shown || !chart || !rollout) return;
    const { picture, x, left, right, top, bottom } = chart;
    const inside = (t) => clamp(x(t), left, right);
    const at = (frame) => inside((rollout.start + frame / rollout.fps) * shown.fps);
    const band = picture.querySelector(".window");
    const [from, to] = [at(0), at(rollout.seen + rollout.horizon - 1)];
    band.setAttribute("x", from);
    band.setAttribute("width", Math.max(2, to - from));
    picture.querySelector(".cursor").setAttribute("d", `M${at(state.cursor)} ${top}V${bottom}`);
    picture.querySelector(".look").setAttribute("d", `M${inside(shown.looks[look])} ${bottom}l-4 7h8z`);
  }

  // -- when: what each stream says at every frame -----------------------------------------------------------------
  function when() {
    if (!shown || board.hidden) return;
    const names = Object.keys(shown.streams);
    place("streams").innerHTML = names.map((name) => `<span>${name} <b class="${shown.streams[name] > 0 ? "for" : "against"}">${signed(shown.streams[name], 2)}</b></span>`).join("");
    // What the first frames say is told against memories that are still empty: it must not flatten all else.
    const filled = shown.frames > 2 * FILLING ? FILLING : 0;
    const every = names.flatMap((name) => shown.by_stream[name].slice(filled));
    const [low, high] = [Math.min(0, ...every), Math.max(0, ...every)];
    const { picture } = lineChart({
      title: `what appearance and motion say for ${shown.classes[0].name} over the clip`,
      series: names.map((name, i) => ({ name, kind: `s${i}`, values: shown.by_stream[name].map((v) => clamp(v, low, high)) })),
      range: [low, high],
      // Not one over the other.
      ticks: [0, ...[low, high].filter((v) => Math.abs(v) > 0.2 * (high - low))].map((v) => ({ v, text: v ? signed(v, 1) : "0" })),
      labels: seconds(),
    });
    place("when").querySelector("div").replaceChildren(picture);
  }

  // -- who: the cues it hears, and the filters that say most ------------------------------------------------------
  function who(answer) {
    const every = Object.values(answer.cues).flatMap((cue) => Object.values(cue));
    const peak = Math.max(...every.map(Math.abs), 1e-9);
    // A network that matches nothing has no cue of motion.
    const known = (name) => Object.values(answer.cues).some((cue) => name in cue);
    const columns = Object.entries(answer.order).map(([of, names]) => [of, names.filter(known)]).filter(([, names]) => names.length);
    const names = columns.flatMap(([, names]) => names);
    const part = (path, text) => `<button type="button" data-part="${path}" aria-pressed="${silenced.has(path)}" aria-label="silence ${path}">${text}</button>`;
    const cell = (block, name) => {
      const v = answer.cues[block][name];
      if (v === undefined) return "<td></td>";
      const text = `${v > 0 ? "+" : v < 0 ? "−" : ""}${Math.abs(v).toFixed(2)}`;
      return `<td style="background:rgb(${tint(v / peak)})" class="${Math.abs(v) > 0.6 * peak ? "strong" : ""}">${/^\dx\d$/.test(name) ? part(`${block}.${name}`, text) : text}</td>`;
    };
    place("memories").innerHTML = `<thead><tr><th></th>${columns.map(([of, names]) => `<th scope="colgroup" colspan="${names.length}">${of}</th>`).join("")}</tr>
      <tr><th></th>${names.map((name) => `<th scope="col">${times(name)}</th>`).join("")}</tr></thead>
      <tbody>${Object.keys(answer.cues).map((b) => `<tr><th scope="row">${"3x3" in answer.cues[b] ? part(b, b) : b}</th>${names.map((name) => cell(b, name)).join("")}</tr>`).join("")}</tbody>`;
    clicks(place("memories").querySelectorAll("button"), (button) => {
      const { part } = button.dataset;
      silenced.has(part) ? silenced.delete(part) : silenced.add(part);
      button.setAttribute("aria-pressed", silenced.has(part));
      watched.again();
    });
    const box = place("filters");
    box.replaceChildren(
      ...answer.filters.slice(0, 8).map((f) =>
        element(`<button type="button"><b>${f.block} ${times(f.kernel)} · ${f.filter}</b> <i class="${f.evidence > 0 ? "for" : "against"}">${signed(f.evidence, 2)}</i></button>`, () => open(f)),
      ),
    );
  }
  async function open({ block, kernel, filter }) {
    const { predictor } = shown;
    if (state.rollout.model !== predictor) {
      // The states are those of one network: show it first.
      document.querySelector(`#model input[value="${predictor}"]`)?.click();
      await once("rollout", ({ model }) => model === predictor);
    }
    enter(block, kernel, { filter, quantity: "h" });
  }

  on("rollout", cursor);
  on("theme", () => shown && (who(shown), course(), when()));
};
