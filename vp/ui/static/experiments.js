// Experiments: silence parts, wipe the memory, show fewer frames, ask where a prediction looks.
/**
 * What the experiments of vp/ui/experiments/ answer, see types.d.ts.
 * @typedef {{ silence: Silence; importance: Importance; memory_reset: MemoryReset; seen_sweep: SeenSweep;
 *   spectrum: Spectrum; saliency: Saliency; motion: Motion; ladder_map: LadderMap; one_number: OneNumber;
 *   one_filter: OneFilter; one_moment: OneMoment }} Experiments
 * @typedef {{ model: string; parts: string[]; psnr: number[]; untouched_psnr: number[]; lost: number | null;
 *   strip: string }} Silence
 * @typedef {{ importance: PartImportance[] }} Importance
 * @typedef {{ part: string; lost: number | null; change: number }} PartImportance
 * @typedef {{ at: number; psnr: number[]; reset_psnr: number[]; copy_psnr: number[];
 *   recovered: number | null }} MemoryReset
 * @typedef {{ psnr: number[]; ssim: number[]; copy_psnr: number; copy_ssim: number }} SeenSweep
 * @typedef {{ model: string; grid: Record<string, number>; paper_grid?: Record<string, number>;
 *   networks: SpectrumNetwork[]; truth: SpectrumLook; range: number }} Spectrum
 * @typedef {{ frame: string; spectrum: string }} SpectrumLook
 * @typedef {SpectrumLook & { title: string; size: Size; grid: Record<string, number>; gain: number }} SpectrumNetwork
 * @typedef {{ shares: number[]; region: [number, number, number, number]; size: Size; sprite: string }} Saliency
 * @typedef {{ model: string; steps: number; size: Size; speed: number[]; painted: number[];
 *   gain: (number | null)[]; levels: MotionLevel[]; limit: number; mask: string;
 *   locations: Record<string, LocationMap> }} Motion
 * @typedef {{ size: Size; peak: number; sprite: string; speed: number[] }} Packed
 * @typedef {Packed & { name: string; gain: (number | null)[] }} MotionLevel
 * @typedef {{ filters: number; size: Size; scale: number; sprite: string }} LocationMap
 * @typedef {{ model: string; stages: Stage[]; taps: string[]; moves: Record<string, Move> }} LadderMap
 * @typedef {{ name: string; channels: number; size: Size; strength: number[]; range: [number, number];
 *   sprite: string }} Stage
 * @typedef {Packed & { limit: number; share: (number | null)[] }} Move
 * @typedef {{ model: string; part: string; step: number; row: number; column: number; sums: Record<string, Sum>;
 *   before: number; after: number; recorded: Record<string, number>; inside: boolean[][];
 *   field: [number, number, number, number]; displacement: [number, number] | null;
 *   reach: [number, number, number]; motion: Packed | null }} OneNumber
 * @typedef {{ bias: number; total: number; value: number; inputs: Channels; states: Channels }} Sum
 * @typedef {{ total: number; channels: number; strongest: Term[] }} Channels
 * @typedef {{ name: string; adds: number; patch: number[][]; kernel: number[][] }} Term
 * @typedef {{ model: string; part: string; clips: number; moments: Record<string, ClipMoment[]>;
 *   lost: Record<string, number>; mean_lost: number | null; polar: Polar | null;
 *   titles: Record<string, string> }} OneFilter
 * @typedef {{ clip: string; start: number; step: number; row: number; column: number; value: number; time: number;
 *   y: number; x: number }} ClipMoment
 * @typedef {{ sizes: number[]; directions: number[]; activation: (number | null)[][]; count: number[][];
 *   still: number | null }} Polar
 * @typedef {{ model: string; marked: PartCourse; others: AlikeCourse[]; again: Stretch[] | null;
 *   missing: string | null; course: number[]; titles: Record<string, string> }} OneMoment
 * @typedef {{ part: string; curve: number[] }} PartCourse
 * @typedef {PartCourse & { correlation: number }} AlikeCourse
 * @typedef {{ clip: string; start: number; step: number; time: number; curve: number[];
 *   correlation: number }} Stretch
 */
lvln.views.experiments = (root) => {
  const { state, on, inspect, classify, element, clicks, escape, spaced, signed, grade, cut, draw, grey, tint, times, painted, tile, rgba, lineChart, drag, visible, shape } = lvln;
  const card = (name) => root.querySelector(`article.${name}`);

  // Run one experiment and fill its card; what comes back too late, for another prediction, is dropped. The address
  // brings back the last one, with its arguments, and what is silenced.
  const latest = {};
  const noted = { silence: "", run: {} };
  /** @type {Record<string, { waiting: string; show: (...answer: any[]) => any }>} */
  const cards = {};
  /**
   * What a card says while it waits, and how it draws an answer; its button runs it as it comes.
   * @template {keyof Experiments} Name
   * @param {Name} name @param {string} waiting
   * @param {(answer: Experiments[Name], result: HTMLElement, rollout: Rollout) => any} show
   */
  function describe(name, waiting, show) {
    cards[name] = { waiting, show };
    card(name).querySelector(".go")?.addEventListener("click", () => run(name));
  }
  async function run(name, options = {}) {
    const [box, { waiting, show }] = [card(name), cards[name]];
    const { rollout } = state;
    if (!rollout) return;
    if (name !== "silence") noted.run = { run: name, ...options };
    note();
    const turn = (latest[name] = {});
    const status = box.querySelector(".status");
    status.replaceChildren(element(`<progress aria-label="working"></progress>`), waiting);
    box.classList.add("working");
    try {
      const answer = await inspect(name, options);
      if (latest[name] !== turn || state.rollout !== rollout) return;
      status.textContent = "";
      await show(answer, box.querySelector(".result"), rollout);
    } catch (error) {
      if (latest[name] === turn) status.textContent = error.message;
    } finally {
      if (latest[name] === turn) box.classList.remove("working");
    }
  }

  function empty(name) {
    const box = card(name);
    latest[name] = null;
    box.classList.remove("working");
    box.querySelector(".status").textContent = "";
    box.querySelector(".result").replaceChildren();
  }
  const note = () => lvln.noteExperiments({ silence: noted.silence, ...noted.run });

  // PSNR in dB: one number a frame.
  function psnrChart({ series, over = undefined, title }) {
    const all = series.flatMap((s) => s.values);
    const [low, high] = [Math.floor(Math.min(...all) - 0.5), Math.ceil(Math.max(...all) + 0.5)];
    return lineChart({
      title,
      series: series.map((s) => ({ ...s, note: (v) => `${s.name}: ${v.toFixed(1)} dB` })),
      range: [low, high],
      ticks: [low, Math.round((low + high) / 2), high].map((v) => ({ v, text: `${v}` })),
      labels: series[0].values.map((_, i) => ({ at: i, text: `${i + 1}` })),
      over,
    }).picture;
  }

  // -- silence ---------------------------------------------------------------------------------------------------
  const silenced = new Set();
  const parts = [...root.querySelectorAll("[data-part]")];

  function mark() {
    for (const button of parts) {
      const { part } = button.dataset; // of a block that is silenced as a whole, too
      button.setAttribute("aria-pressed", silenced.has(part) || silenced.has(part.split(".")[0]));
    }
  }

  function silence() {
    mark();
    noted.silence = [...silenced].join(",");
    note();
    if (silenced.size) run("silence", { parts: noted.silence });
    else empty("silence");
  }
  describe("silence", "Predicting without…", async ({ strip: frames, parts, psnr, untouched_psnr, lost }, result, rollout) => {
    const without = await cut(frames, rollout.horizon, rollout.size);
    const rows = [["Untouched", rollout.predicted, untouched_psnr], [`Without ${parts.join(", ")}`, without, psnr]];
    const verdict = () => {
      if (lost === null) return "no true frames to score";
      if (Math.abs(lost) < 0.05) return "It makes no difference to this clip.";
      return lost > 0 ? `It costs ${lost.toFixed(1)} dB.` : `It does ${(-lost).toFixed(1)} dB better without.`;
    };
    const strip = ([name, predicted, psnr]) => {
      const line = element(`<div class="line"><b>${escape(name)}</b><div class="cells"></div></div>`);
      predicted.forEach((frame, k) => {
        const figure = element(`<figure><canvas></canvas><figcaption>${psnr[k] === undefined ? "" : `${psnr[k].toFixed(1)} dB`}</figcaption></figure>`);
        draw(figure.querySelector("canvas"), frame);
        line.querySelector(".cells").append(figure);
      });
      return line;
    };
    result.replaceChildren(
      element(`<p class="verdict ${grade(-lost)}">${verdict()}</p>`),
      ...rows.map(strip),
      classes([...silenced])
    );
  });
  // The classifier reads the same memories, along the whole clip: what does it say without them?
  function classes(without) {
    const box = element(`<div class="said"><button type="button">And which action does it see then?</button><p class="status" role="status"></p><div></div></div>`);
    box.querySelector("button").addEventListener("click", async () => {
      const status = box.querySelector(".status");
      const tell = (share) => (status.textContent = `Watching the whole clip twice… ${Math.round(100 * share)} %`);
      tell(0);
      try {
        const whole = await classify((share) => tell(share / 2));
        const silent = await classify((share) => tell(0.5 + share / 2), without);
        const score = (answer, name) => answer.classes.find((c) => c.name === name)?.course.at(-1) ?? 0;
        const names = [...new Set([...whole.classes.slice(0, 3), ...silent.classes.slice(0, 2)].map((c) => c.name))];
        const bar = (v, kind) => `<td class="bars"><i class="${kind}" style="width:${100 * v}%"></i></td><td>${(100 * v).toFixed(0)} %</td>`;
        // Its predictor's memories, and only some blocks of them.
        const read = Object.keys(whole.cues).filter((block) => "3x3" in whole.cues[block]);
        status.textContent = silent.silence.length ? "" : `The classifier listens to the memories of ${read.join(", ")} only: it misses nothing.`;
        box.lastElementChild.replaceChildren(
          element(`<table class="scores"><thead><tr><th scope="col">${escape(whole.title)} sees</th><th scope="col" colspan="2">untouched</th><th scope="col" colspan="2">without</th></tr></thead><tbody>${names
            .map((name) => `<tr><th scope="row">${spaced(name)}</th>${bar(score(whole, name), "copy")}${bar(score(silent, name), "ours")}</tr>`)
            .join("")}</tbody></table>`)
        );
      } catch (error) {
        status.textContent = error.message;
      }
    });
    return box;
  }
  clicks(parts, ({ dataset: { part } }) => {
    silenced.has(part) ? silenced.delete(part) : silenced.add(part);
    silence();
  });
  const form = root.querySelector("form.one");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const path = form.querySelector("input").value.trim();
    if (path) silenced.add(path);
    silence();
  });
  form.querySelector(".clear").addEventListener("click", () => {
    silenced.clear();
    form.querySelector("input").value = "";
    silence();
  });

  // -- importance ------------------------------------------------------------------------------------------------
  describe("importance", "Silencing each in turn…", ({ importance }, result) => {
    const scored = importance[0].lost !== null;
    const size = (part) => (scored ? part.lost : part.change);
    const most = Math.max(...importance.map((part) => Math.abs(size(part))), 1e-6);
    const row = ({ part, ...costs }, head) => {
      const name = head ? part : `<button type="button" data-path="${part}">${times(part.split(".")[1])}</button>`;
      const bar = `<i class="${size(costs) >= 0 ? "ours" : "copy"}" style="width:${(100 * Math.abs(size(costs))) / most}%"></i>`;
      const number = scored ? signed(costs.lost, 2).replace("+", "") : costs.change.toFixed(1);
      return `<tr class="${head ? "block" : "gru"}"><th scope="row">${name}</th><td class="bars">${bar}</td><td>${number}</td></tr>`;
    };
    // A group for each block: all three at once, then each alone.
    const groups = ["C1", "C2", "C3", "C4"].map((block) => {
      const of = (part) => importance.find((p) => p.part === part);
      return `<tbody data-block="${block}">${row(of(block), true)}${["3x3", "5x5", "7x7"].map((kernel) => row(of(`${block}.${kernel}`), false)).join("")}</tbody>`;
    });
    const table = element(`<table class="scores grouped"><thead><tr><th scope="col">memory</th><td></td><th scope="col">${scored ? "dB lost" : "change"}</th></tr></thead>${groups.join("")}</table>`, ({ target }) => {
      const [block, kernel] = (target.dataset.path || "").split(".");
      if (kernel) lvln.enter(block, kernel);
    });
    result.replaceChildren(table);
  });

  // -- memory reset ----------------------------------------------------------------------------------------------
  describe("memory_reset", "Forgetting…", ({ at, psnr, reset_psnr, copy_psnr, recovered }, result) => {
    const verdict =
      recovered === null ? "It has not caught up by the end." : recovered === 0 ? "It never fell behind: the last frame was enough here." : `It takes ${recovered} frame${recovered > 1 ? "s" : ""} to catch up.`;
    const picture = psnrChart({
      title: "PSNR of the next frame along the clip",
      series: [
        { name: "repeated", kind: "copy", values: copy_psnr },
        { name: "memory wiped", kind: "wiped", values: reset_psnr },
        { name: "untouched", kind: "ours", values: psnr },
      ],
      over({ x, left, right, top, bottom }) {
        const width = (right - left) / psnr.length;
        const frames = psnr.map((_, i) => `<rect data-i="${i}" tabindex="0" role="button" aria-label="wipe before frame ${i + 1}" x="${x(i) - width / 2}" y="${top}" width="${width}" height="${bottom + 26 - top}"/>`);
        return `<path class="wipe" d="M${x(at - 0.5)} ${top}V${bottom}"/><text class="label" x="${x(at - 0.5)}" y="${top - 3}" text-anchor="middle">wiped</text>${frames.join("")}`;
      },
    });
    const pick = ({ target }) => Number(target.dataset.i) >= 1 && run("memory_reset", { at: Number(target.dataset.i) });
    picture.addEventListener("click", pick);
    picture.addEventListener("keydown", (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), pick(event)));
    result.replaceChildren(element(`<p class="verdict">${verdict}</p>`), picture, element("<p class='quiet'>PSNR in dB of the frame predicted after each frame of the clip.</p>"));
  });

  // -- seen sweep ------------------------------------------------------------------------------------------------
  describe("seen_sweep", "Predicting from fewer frames…", ({ psnr, copy_psnr }, result) => {
    const best = psnr.indexOf(Math.max(...psnr));
    result.replaceChildren(
      element(`<p class="verdict">Best after seeing ${best + 1} frame${best ? "s" : ""}: ${signed(psnr[best] - copy_psnr)} dB against repeating the last one.</p>`),
      psnrChart({
        title: "PSNR against the number of frames seen",
        series: [
          { name: "repeated", kind: "copy", values: psnr.map(() => copy_psnr) },
          { name: "predicted", kind: "ours", values: psnr },
        ],
      }),
      element("<p class='quiet'>PSNR in dB of the next frame against the number of frames seen before it.</p>")
    );
  });

  // -- spectrum --------------------------------------------------------------------------------------------------
  const GRID = 1.2; // what passes for none: 95 of 100 true frames have less, against those three frames later
  describe("spectrum", "Measuring every frequency…", async ({ networks, truth, range }, result) => {
    const [ours, paper] = networks;
    const row = element(`<div class="spectra"></div>`);
    const columns = [{ ...truth, gain: undefined, size: ours.size, kind: "truth", title: "truth" }, { ...ours, kind: "prediction" }];
    if (paper) columns.push({ ...paper, kind: "paper" });
    for (const { kind, title, size: [h, w], frame, spectrum, gain } of columns) {
      const against = gain === undefined ? "" : `: ${signed(gain)} dB against repeating the last frame`;
      const figure = element(`<figure class="${kind}">
        <img src="${frame}" width="${w}" height="${h}" alt="first frame of ${title}">
        <div>
          <canvas width="${w}" height="${h}" role="img" aria-label="spectrum of ${title}"></canvas>
          <svg viewBox="0 0 ${w} ${h}" aria-hidden="true"></svg>
        </div>
        <figcaption><b>${title}</b>${against}</figcaption>
      </figure>`);
      tile(await grey(spectrum), [h, w], {}, figure.querySelector("canvas"));
      // Where a pattern of each period has its power: rings around the multiples of its frequency.
      figure.querySelector("svg").innerHTML = Object.keys(ours.grid).map(Number).map((p) => {
        const at = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => [w / 2 + (j * w) / p, h / 2 + (i * h) / p])).filter(([x, y]) => x !== w / 2 || y !== h / 2);
        return at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="${h / 32}"/>`).join("");
      }).join("");
      row.append(figure);
    }
    const verdict = ({ title, grid }) => {
      const worst = Math.max(...Object.values(grid));
      const said = worst <= GRID ? "no grid: at no period is there more than true frames differ by." : `a grid: up to ${worst.toFixed(1)} times the energy of the truth.`;
      return element(`<p class="verdict ${worst <= GRID ? "good" : "bad"}">${title} leaves ${said}</p>`);
    };
    const each = networks.map(({ title, grid }) => `${title} ${Object.entries(grid).map(([p, v]) => `every ${p} pixels ${v.toFixed(2)}`).join(", ")}`).join("; ");
    result.replaceChildren(
      ...networks.map(verdict),
      row,
      element(`<p class="quiet">Energy of what repeats, against the truth's (1 is none too much): ${each}. Brightness of a spectrum: ${range.toFixed(0)} dB from black to white.</p>`)
    );
  });

  // -- saliency --------------------------------------------------------------------------------------------------
  describe("saliency", "Going back through the network…", async ({ sprite, size: [h, w], shares, region }, result, rollout) => {
    const heat = await grey(sprite);
    const most = Math.max(...shares);
    const line = element(`<div class="cells heat"></div>`);
    shares.forEach((share, t) => {
      const figure = element(`<figure><canvas></canvas><u><i style="width:${(100 * share) / most}%"></i></u><figcaption>frame ${t + 1}: ${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %</figcaption></figure>`);
      const seen = rgba(rollout.real[t]);
      painted(h, w, (i) => {
        const value = heat.values[t * h * w + i] / 255;
        const a = 0.25 + 0.75 * value;
        const colour = tint(value, false);
        const shade = (seen[4 * i] + seen[4 * i + 1] + seen[4 * i + 2]) / 3;
        return [0, 1, 2].map((c) => (1 - a) * shade * 0.8 + a * colour[c]);
      }, figure.querySelector("canvas"));
      line.append(figure);
    });
    result.replaceChildren(target(rollout, region), line);
  });

  // The prediction, on which a region is drawn by dragging.
  function target(rollout, region) {
    const figure = element(`<figure class="target"><div><canvas></canvas><b></b></div><figcaption>the prediction: drag to choose a part</figcaption></figure>`);
    const canvas = figure.querySelector("canvas");
    draw(canvas, rollout.predicted[0]);
    const frame = figure.querySelector("b");
    const [h, w] = rollout.size;
    const place = ({ top, left, bottom, right }) => Object.assign(frame.style, { top: `${100 * top}%`, left: `${100 * left}%`, height: `${100 * (bottom - top)}%`, width: `${100 * (right - left)}%` });
    place({ top: region[0] / h, left: region[1] / w, bottom: region[2] / h, right: region[3] / w });
    let [from, chosen] = [null, null];
    drag(canvas, ([y, x], phase) => {
      if (phase === "begin") from = [y, x];
      else if (phase === "move") place((chosen = { top: Math.min(from[0], y), left: Math.min(from[1], x), bottom: Math.max(from[0], y), right: Math.max(from[1], x) }));
      else if (chosen && (chosen.bottom - chosen.top) * h >= 2 && (chosen.right - chosen.left) * w >= 2) run("saliency", chosen);
    });
    return figure;
  }

  on("rollout", (rollout) => {
    shape(root, rollout.size);
    Object.keys(cards).forEach(empty);
    // What is silenced stays silenced when the clip changes, and is asked for when somebody looks.
    if (visible(root)) silence();
  });
  // A link names what was silenced, and which experiment was run with which numbers.
  function restore({ silence: named = "", run: name, ...values }) {
    state.experiment = null;
    const known = new Set(parts.map((button) => button.dataset.part));
    named.split(",").filter((part) => known.has(part) || /^C[1-4]\.\w+\.\d+$/.test(part)).forEach((part) => silenced.add(part));
    if (silenced.size) silence();
    if (!(name in cards) || name === "silence") return;
    const given = card(name).dataset.arguments.split(" ").filter((argument) => argument in values);
    run(name, Object.fromEntries(given.map((argument) => [argument, Number(values[argument])])));
  }
  on("experiment", restore);
  if (state.experiment) restore(state.experiment);
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && silenced.size && !card("silence").querySelector(".result").children.length) silence();
  }).observe(root);
};
