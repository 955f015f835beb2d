// Experiments: silence parts, wipe the memory, show fewer frames, ask where a prediction looks.
lvln.views.experiments = (root) => {
  const { state, on, inspect, classify, element, escape, spaced, cut, draw, mean, grey, lut } = lvln;
  const card = (name) => root.querySelector(`article.${name}`);
  const sign = (v, digits = 1) => `${v >= 0 ? "+" : "−"}${Math.abs(v).toFixed(digits)}`;

  // Run one experiment and fill its card; what comes back too late, for another prediction, is dropped.
  const latest = {};
  const noted = { silence: null, run: null, at: null, region: null };
  async function run(name, kind, options, message, show) {
    const box = card(name);
    const { rollout } = state;
    if (!rollout) return;
    // The address brings back the last experiment, and what is silenced.
    if (name !== "silence") Object.assign(noted, { run: name, at: options.at ?? null, region: options.region?.map((v) => v.toFixed(3)).join(",") ?? null });
    lvln.noteExperiments(noted);
    const mine = (latest[name] = {});
    const status = box.querySelector(".status");
    status.replaceChildren(element(`<progress aria-label="working"></progress>`), message);
    box.classList.add("working");
    try {
      const found = await inspect(kind, options);
      if (latest[name] !== mine || state.rollout !== rollout) return;
      status.textContent = "";
      await show(found, box.querySelector(".result"), rollout);
    } catch (error) {
      if (latest[name] === mine) status.textContent = error.message;
    } finally {
      if (latest[name] === mine) box.classList.remove("working");
    }
  }

  // A line chart of few points: series [{ name, values, colour, dashed }], marks between points.
  function chart({ series, labels, wipe = null, title, pick = null }) {
    const [W, H, L, B, T, R] = [640, 230, 40, 26, 16, 136];
    const all = series.flatMap((s) => s.values);
    const [low, high] = [Math.floor(Math.min(...all) - 0.5), Math.ceil(Math.max(...all) + 0.5)];
    const x = (i) => L + ((W - L - R) * i) / Math.max(1, labels.length - 1);
    const y = (v) => T + ((H - T - B) * (high - v)) / (high - low);
    const ticks = [low, Math.round((low + high) / 2), high];
    const ends = series.map((s) => y(s.values.at(-1))).map((v, i) => ({ v, i })).sort((a, b) => a.v - b.v);
    for (let k = 1; k < ends.length; k += 1) ends[k].v = Math.max(ends[k].v, ends[k - 1].v + 15);
    const place = Object.fromEntries(ends.map(({ v, i }) => [i, v]));
    const picture = element(`<svg class="chart" viewBox="0 0 ${W} ${H}" role="img" aria-label="${title}">
      ${ticks.map((v) => `<g class="tick"><path d="M${L} ${y(v)}H${W - R}"/><text x="${L - 7}" y="${y(v) + 4}" text-anchor="end">${v}</text></g>`).join("")}
      ${labels.map((text, i) => `<text class="label" x="${x(i)}" y="${H - 8}" text-anchor="middle">${text}</text>`).join("")}
      ${wipe === null ? "" : `<path class="wipe" d="M${x(wipe - 0.5)} ${T}V${H - B}"/><text class="label" x="${x(wipe - 0.5)}" y="${T - 3}" text-anchor="middle">wiped</text>`}
      ${series.map((s, k) => `<g class="series ${s.kind}"><path d="${s.values.map((v, i) => `${i ? "L" : "M"}${x(i)} ${y(v)}`).join("")}"/>${s.values.map((v, i) => `<circle cx="${x(i)}" cy="${y(v)}" r="3"><title>${s.name}: ${v.toFixed(1)} dB</title></circle>`).join("")}<text x="${W - R + 9}" y="${place[k] + 4}">${s.name}</text></g>`).join("")}
      ${pick ? labels.map((_, i) => `<rect data-i="${i}" x="${x(i) - (W - L - R) / labels.length / 2}" y="${T}" width="${(W - L - R) / labels.length}" height="${H - T}"/>`).join("") : ""}
    </svg>`);
    if (pick) {
      picture.querySelectorAll("rect").forEach((rect) => {
        rect.setAttribute("tabindex", "0");
        rect.setAttribute("role", "button");
        rect.setAttribute("aria-label", `wipe before frame ${Number(rect.dataset.i) + 1}`);
        const choose = () => pick(Number(rect.dataset.i));
        rect.addEventListener("click", choose);
        rect.addEventListener("keydown", (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), choose()));
      });
    }
    return picture;
  }

  // -- silence ---------------------------------------------------------------------------------------------------
  const silenced = new Set();
  const parts = [...root.querySelectorAll("[data-part]")];
  function mark() {
    parts.forEach((button) => {
      const part = button.dataset.part;
      const whole = silenced.has(part.split(".")[0]);
      button.setAttribute("aria-pressed", silenced.has(part) || whole);
    });
  }
  function silence() {
    mark();
    const box = card("silence");
    noted.silence = [...silenced].join(",");
    lvln.noteExperiments(noted);
    if (!silenced.size) {
      latest.silence = null;
      box.querySelector(".status").textContent = "";
      box.querySelector(".result").replaceChildren();
      return;
    }
    run("silence", "silence", { parts: [...silenced] }, "Predicting without…", async (found, result, rollout) => {
      const hurt = await cut(found.strip, rollout.horizon, rollout.size);
      const rows = [["Untouched", (k) => rollout.predicted[k], rollout.scores.psnr], [`Without ${found.parts.join(", ")}`, (k) => hurt[k], found.psnr]];
      const lost = found.psnr.length ? mean(rollout.scores.psnr) - mean(found.psnr) : null;
      const verdict = lost === null ? "no true frames to score" : Math.abs(lost) < 0.05 ? "It makes no difference to this clip." : lost > 0 ? `It costs ${lost.toFixed(1)} dB.` : `It does ${(-lost).toFixed(1)} dB better without.`;
      result.replaceChildren(
        element(`<p class="verdict ${lost > 0.05 ? "bad" : lost < -0.05 ? "good" : ""}">${verdict}</p>`),
        ...rows.map(([name, frame, psnr]) => {
          const line = element(`<div class="line"><b>${escape(name)}</b><div class="cells"></div></div>`);
          line.querySelector(".cells").append(
            ...Array.from({ length: rollout.horizon }, (_, k) => {
              const figure = element(`<figure><canvas></canvas><figcaption>${psnr[k] === undefined ? "" : `${psnr[k].toFixed(1)} dB`}</figcaption></figure>`);
              draw(figure.querySelector("canvas"), frame(k));
              return figure;
            })
          );
          return line;
        }),
        classes([...silenced])
      );
    });
  }
  // The classifier reads the same memories, along the whole clip: what does it say without them?
  function classes(without) {
    const box = element(`<div class="said"><button type="button">And which action does it see then?</button><p class="status" role="status"></p><div></div></div>`);
    box.querySelector("button").addEventListener("click", async () => {
      const status = box.querySelector(".status");
      const tell = (share) => (status.textContent = `Watching the whole clip twice… ${Math.round(100 * share)} %`);
      tell(0);
      try {
        const whole = await classify((share) => tell(share / 2));
        const hurt = await classify((share) => tell(0.5 + share / 2), without);
        const score = (answer, name) => answer.classes.find((c) => c.name === name)?.course.at(-1) ?? 0;
        const names = [...new Set([...whole.classes.slice(0, 3), ...hurt.classes.slice(0, 2)].map((c) => c.name))];
        const bar = (v, kind) => `<td class="bars"><i class="${kind}" style="width:${100 * v}%"></i></td><td>${(100 * v).toFixed(0)} %</td>`;
        // Its predictor's memories, and only some blocks of them.
        const read = Object.keys(whole.memories);
        status.textContent = hurt.without.length ? "" : `The classifier listens to the memories of ${read.join(", ")} only: it misses nothing.`;
        box.lastElementChild.replaceChildren(
          element(`<table class="scores"><thead><tr><th scope="col">${escape(whole.title)} sees</th><th scope="col" colspan="2">untouched</th><th scope="col" colspan="2">without</th></tr></thead><tbody>${names
            .map((name) => `<tr><th scope="row">${spaced(name)}</th>${bar(score(whole, name), "copy")}${bar(score(hurt, name), "ours")}</tr>`)
            .join("")}</tbody></table>`)
        );
      } catch (error) {
        status.textContent = error.message;
      }
    });
    return box;
  }
  parts.forEach((button) =>
    button.addEventListener("click", () => {
      const { part } = button.dataset;
      silenced.has(part) ? silenced.delete(part) : silenced.add(part);
      silence();
    })
  );
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
  card("importance").querySelector(".go").addEventListener("click", () =>
    run("importance", "importance", {}, "Silencing each in turn…", ({ ranking }, result) => {
      const scored = ranking[0].lost !== null;
      const size = (part) => (scored ? part.lost : part.change);
      const most = Math.max(...ranking.map((part) => Math.abs(size(part))), 1e-6);
      const row = ({ part, ...found }, head) =>
        `<tr class="${head ? "block" : "gru"}"><th scope="row">${head ? part : `<button type="button" data-path="${part}">${part.split(".")[1].replace("x", "×")}</button>`}</th><td class="bars"><i class="${size(found) >= 0 ? "ours" : "copy"}" style="width:${(100 * Math.abs(size(found))) / most}%"></i></td><td>${scored ? sign(found.lost, 2).replace("+", "") : found.change.toFixed(1)}</td></tr>`;
      // A group for each block: all three at once, then each alone.
      const groups = ["C1", "C2", "C3", "C4"].map((block) => {
        const of = (part) => ranking.find((p) => p.part === part);
        return `<tbody data-block="${block}">${row(of(block), true)}${["3x3", "5x5", "7x7"].map((kernel) => row(of(`${block}.${kernel}`), false)).join("")}</tbody>`;
      });
      const table = element(`<table class="scores grouped"><thead><tr><th scope="col">memory</th><td></td><th scope="col">${scored ? "dB lost" : "change"}</th></tr></thead>${groups.join("")}</table>`);
      table.querySelectorAll("[data-path]").forEach((button) =>
        button.addEventListener("click", () => {
          lvln.enter(...button.dataset.path.split("."));
        })
      );
      result.replaceChildren(table);
    })
  );

  // -- reset -----------------------------------------------------------------------------------------------------
  function reset(at) {
    run("reset", "reset", at === null ? {} : { at }, "Forgetting…", (found, result) => {
      const labels = found.psnr.map((_, i) => `${i + 1}`);
      const told =
        found.recovered === null ? "It has not caught up by the end." : found.recovered === 0 ? "It never fell behind: the last frame was enough here." : `It takes ${found.recovered} frame${found.recovered > 1 ? "s" : ""} to catch up.`;
      const picture = chart({
        title: "PSNR of the next frame along the clip",
        labels,
        wipe: found.at,
        pick: (i) => i >= 1 && reset(i),
        series: [
          { name: "repeated", kind: "copy", values: found.copy_psnr },
          { name: "memory wiped", kind: "wiped", values: found.reset_psnr },
          { name: "untouched", kind: "ours", values: found.psnr },
        ],
      });
      result.replaceChildren(element(`<p class="verdict">${told}</p>`), picture, element("<p class='quiet'>PSNR in dB of the frame predicted after each frame of the clip.</p>"));
    });
  }
  card("reset").querySelector(".go").addEventListener("click", () => reset(null));

  // -- sweep -----------------------------------------------------------------------------------------------------
  card("sweep").querySelector(".go").addEventListener("click", () =>
    run("sweep", "sweep", {}, "Predicting from fewer frames…", (found, result) => {
      const best = found.psnr.indexOf(Math.max(...found.psnr));
      result.replaceChildren(
        element(`<p class="verdict">Best after seeing ${best + 1} frame${best ? "s" : ""}: ${sign(found.psnr[best] - found.copy_psnr)} dB against repeating the last one.</p>`),
        chart({
          title: "PSNR against the number of frames seen",
          labels: found.psnr.map((_, i) => `${i + 1}`),
          series: [
            { name: "repeated", kind: "copy", values: found.psnr.map(() => found.copy_psnr) },
            { name: "predicted", kind: "ours", values: found.psnr },
          ],
        }),
        element("<p class='quiet'>PSNR in dB of the next frame against the number of frames seen before it.</p>")
      );
    })
  );

  // -- spectrum --------------------------------------------------------------------------------------------------
  const GRID = 1.05; // what passes for none
  card("spectrum").querySelector(".go").addEventListener("click", () =>
    run("spectrum", "spectrum", {}, "Measuring every frequency…", async (found, result) => {
      const [ours, paper] = found.networks;
      const table = lut(false);
      const row = element(`<div class="spectra"></div>`);
      const columns = [{ ...found.truth, size: ours.size, kind: "truth", title: "truth" }, { ...ours, kind: "prediction" }];
      if (paper) columns.push({ ...paper, kind: "paper" });
      for (const { kind, title, size: [h, w], frame, spectrum, gain } of columns) {
        const { values } = await grey(spectrum);
        const told = gain === undefined ? "" : `: ${sign(gain)} dB against repeating the last frame`;
        const figure = element(`<figure class="${kind}"><img src="${frame}" width="${w}" height="${h}" alt="first frame of ${title}"><div><canvas width="${w}" height="${h}" role="img" aria-label="spectrum of ${title}"></canvas><svg viewBox="0 0 ${w} ${h}" aria-hidden="true"></svg></div><figcaption><b>${title}</b>${told}</figcaption></figure>`);
        const picture = new ImageData(w, h);
        for (let i = 0; i < h * w; i += 1) picture.data.set([table[3 * values[i]], table[3 * values[i] + 1], table[3 * values[i] + 2], 255], 4 * i);
        figure.querySelector("canvas").getContext("2d").putImageData(picture, 0, 0);
        // Where a pattern of each period has its power: rings around the multiples of its frequency.
        figure.querySelector("svg").innerHTML = Object.keys(ours.grid).map((p) => {
          const at = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => [w / 2 + (j * w) / p, h / 2 + (i * h) / p])).filter(([x, y]) => x !== w / 2 || y !== h / 2);
          return at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="${h / 32}"/>`).join("");
        }).join("");
        row.append(figure);
      }
      const verdict = ({ title, grid }) => {
        const worst = Math.max(...Object.values(grid));
        const told = worst <= GRID ? "no grid: at no period is there more than in the truth." : `a grid: up to ${worst.toFixed(1)} times the energy of the truth.`;
        return element(`<p class="verdict ${worst <= GRID ? "good" : "bad"}">${title} leaves ${told}</p>`);
      };
      const each = found.networks.map(({ title, grid }) => `${title} ${Object.entries(grid).map(([p, v]) => `every ${p} pixels ${v.toFixed(2)}`).join(", ")}`).join("; ");
      result.replaceChildren(
        ...found.networks.map(verdict),
        row,
        element(`<p class="quiet">Energy of what repeats, against the truth's (1 is none too much): ${each}. Brightness of a spectrum: ${found.range.toFixed(0)} dB from black to white.</p>`)
      );
    })
  );

  // -- saliency --------------------------------------------------------------------------------------------------
  function saliency(region) {
    run("saliency", "saliency", region ? { region } : {}, "Going back through the network…", async (found, result, rollout) => {
      const sprite = await grey(found.sprite);
      const table = lut(false);
      const [h, w] = found.size;
      const most = Math.max(...found.shares);
      const line = element(`<div class="cells heat"></div>`);
      found.shares.forEach((share, t) => {
        const figure = element(`<figure><canvas></canvas><u><i style="width:${(100 * share) / most}%"></i></u><figcaption>frame ${t + 1}: ${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %</figcaption></figure>`);
        const canvas = figure.querySelector("canvas");
        canvas.width = w;
        canvas.height = h;
        const context = canvas.getContext("2d");
        context.drawImage(rollout.real[t], 0, 0);
        const picture = context.getImageData(0, 0, w, h);
        for (let i = 0; i < h * w; i += 1) {
          const value = sprite.values[t * h * w + i];
          const a = 0.25 + (0.75 * value) / 255;
          const shade = (picture.data[4 * i] + picture.data[4 * i + 1] + picture.data[4 * i + 2]) / 3;
          for (let c = 0; c < 3; c += 1) picture.data[4 * i + c] = (1 - a) * shade * 0.8 + a * table[3 * value + c];
        }
        context.putImageData(picture, 0, 0);
        line.append(figure);
      });
      result.replaceChildren(target(rollout, found.region), line);
    });
  }

  // The prediction, on which a region is drawn by dragging.
  function target(rollout, region) {
    const figure = element(`<figure class="target"><div><canvas></canvas><b></b></div><figcaption>the prediction: drag to choose a part</figcaption></figure>`);
    const canvas = figure.querySelector("canvas");
    draw(canvas, rollout.predicted[0]);
    const frame = figure.querySelector("b");
    const [h, w] = rollout.size;
    const place = ([top, left, bottom, right]) => Object.assign(frame.style, { top: `${100 * top}%`, left: `${100 * left}%`, height: `${100 * (bottom - top)}%`, width: `${100 * (right - left)}%` });
    place([region[0] / h, region[1] / w, region[2] / h, region[3] / w]);
    let from = null;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [Math.max(0, Math.min(1, (event.clientY - box.top) / box.height)), Math.max(0, Math.min(1, (event.clientX - box.left) / box.width))];
    };
    const span = (event) => {
      const to = at(event);
      return [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
    };
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      from = at(event);
    });
    canvas.addEventListener("pointermove", (event) => from && place(span(event)));
    canvas.addEventListener("pointerup", (event) => {
      if (!from) return;
      const chosen = span(event);
      from = null;
      if ((chosen[2] - chosen[0]) * h >= 2 && (chosen[3] - chosen[1]) * w >= 2) saliency(chosen);
    });
    canvas.addEventListener("pointercancel", () => (from = null));
    return figure;
  }
  card("saliency").querySelector(".go").addEventListener("click", () => saliency(null));

  on("rollout", (rollout) => {
    root.style.setProperty("--aspect", `${rollout.size[1]} / ${rollout.size[0]}`);
    Object.keys(latest).forEach((name) => (latest[name] = null));
    root.querySelectorAll("article").forEach((box) => {
      box.classList.remove("working");
      box.querySelector(".status").textContent = "";
      box.querySelector(".result").replaceChildren();
    });
    // What is silenced stays silenced when the clip changes, and is asked for when somebody looks.
    if (root.offsetParent !== null) silence();
  });
  // A link names what was silenced and which experiment was run.
  function restore({ silence: named = "", run: name, at, region }) {
    state.experiment = null;
    const known = new Set(parts.map((button) => button.dataset.part));
    named.split(",").filter((part) => known.has(part) || /^C[1-4]\.\w+\.\d+$/.test(part)).forEach((part) => silenced.add(part));
    if (silenced.size) silence();
    if (name === "reset") reset(at === undefined ? null : Number(at));
    else if (name === "saliency") saliency(region ? region.split(",").map(Number) : null);
    else if (["importance", "sweep", "spectrum"].includes(name)) card(name).querySelector(".go").click();
  }
  on("experiment", restore);
  if (state.experiment) restore(state.experiment);
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && silenced.size && !card("silence").querySelector(".result").children.length) silence();
  }).observe(root);
};
