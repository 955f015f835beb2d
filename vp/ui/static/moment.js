// One moment: a marked stretch of the time line; which filters run alike then, and where else this one does so again.
lvln.oneMoment = (root, number) => {
  const { state, look, loops, element, escape, signed, times, clamp, polyline, lazy, isPredicted, markNow, ahead } = lvln;
  const SHORTEST = 3;
  const body = root.querySelector(".body");
  const status = root.querySelector(".status");
  const chart = root.querySelector(".course");
  const ends = [...root.querySelectorAll("input")];
  let filter = null;
  let of = null; // key of its prediction
  let stretch = null; // [first, last]
  let shown = null;
  const { look: ask } = lazy(root, {
    wait: 150,
    key: ({ key }) => (of === key ? JSON.stringify([key, filter, stretch, number.region]) : null),
    ask() {
      const [[first, last], [top, left, bottom, right]] = [stretch, number.region || [0, 0, 1, 1]];
      return look("one_moment", { ...filter, first, last, top, left, bottom, right });
    },
    show,
    body,
  });

  // A marked curve, dashed, and one that runs alike, each on its own scale; opposed ones upside down, as they are.
  function spark(marked, curve) {
    const line = (values, kind) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const path = polyline(values.map((v, i) => [4 + (112 * i) / (values.length - 1), 32 - (28 * (v - low)) / (high - low || 1)]));
      return `<path class="${kind}" d="${path}"/>`;
    };
    return `<svg class="spark" viewBox="0 0 120 36" aria-hidden="true">${line(marked, "marked")}${line(curve, "alike")}</svg>`;
  }

  function show(answer) {
    shown = answer;
    const [block, kernel, which] = answer.marked.part.split(".");
    root.querySelector("h4").textContent = `One moment of filter ${which} of ${block}, ${times(kernel)}`;
    draw();
    root.querySelector(".others").replaceChildren(
      ...answer.others.map(({ part, curve, correlation }) => {
        const [b, k, f] = part.split(".");
        const name = `<b>${b} ${times(k)} · ${f}</b> ${signed(correlation, 2)}`;
        const button = `<button type="button" title="enter it">${spark(answer.marked.curve, curve)}<span>${name}</span></button>`;
        return element(button, () => lvln.enter(b, k, { quantity: "h", filter: Number(f) }));
      })
    );
    const places = root.querySelector(".again");
    if (answer.again === null) places.replaceChildren(element(`<p class="quiet">${escape(answer.missing)}</p>`));
    else if (!answer.again.length) places.replaceChildren(element("<p class='quiet'>Nowhere else in the clips of the index.</p>"));
    else {
      const size = answer.marked.curve.length;
      loops(
        places,
        answer.again.map(({ clip, start, step, time, curve, correlation }) => ({
          at: [clip, time, null, null],
          href: lvln.link({ clip, model: answer.model, start, fps: 10, seen: Math.min(20, step + size), horizon: 3, view: "Memory", t: step, block, kernel, quantity: "h", filter: which, first: step, last: Math.min(19, step + size - 1) }),
          text: `<b>${escape(answer.titles[clip] || clip)}</b> <i>${time.toFixed(1)} s</i> <i>${signed(correlation, 2)}</i>`,
        }))
      ).then(() => places.querySelectorAll(".loop").forEach((loop, i) => loop.append(element(spark(answer.marked.curve, answer.again[i].curve)))));
    }
    body.hidden = false;
  }

  // The course of the filter through all steps, on which a stretch is marked by dragging.
  const [W, H] = [640, 110];

  function draw() {
    const { course } = shown;
    const cell = W / course.length;
    const [low, high] = [Math.min(...course), Math.max(...course)];
    const x = (t) => (t + 0.5) * cell;
    const y = (v) => 78 - (66 * (v - low)) / (high - low || 1);
    const [first, last] = stretch;
    chart.innerHTML = `<svg viewBox="0 0 ${W} ${H}" role="img" aria-label="mean state, step by step, from ${low.toFixed(2)} to ${high.toFixed(2)}">
      <rect class="stretch" x="${first * cell}" y="0" width="${(last - first + 1) * cell}" height="90" rx="6"/>
      <path d="${polyline(course.map((v, t) => [x(t), y(v)]))}"/>
      ${course.map((v, t) => `<g data-t="${t}" class="${isPredicted(t) ? "predicted" : ""}"><circle cx="${x(t)}" cy="${y(v)}" r="4"/><text x="${x(t)}" y="106" text-anchor="middle">${ahead(t)}</text></g>`).join("")}</svg>`;
    ends.forEach((input, i) => {
      input.max = `${course.length}`;
      input.value = `${stretch[i] + 1}`;
    });
    root.querySelector(".part").hidden = !number.region;
    markNow(chart, lvln.stepAt(state.cursor));
  }

  function mark(first, last) {
    const steps = state.rollout.steps;
    [first, last] = [Math.min(first, last), Math.max(first, last)].map((t) => clamp(t, 0, steps - 1));
    // Of fewer steps any two courses are alike.
    last = Math.min(steps - 1, Math.max(last, first + SHORTEST - 1));
    stretch = [Math.max(0, Math.min(first, last - SHORTEST + 1)), last];
    lvln.noteMemory({ first: stretch[0], last: stretch[1] });
  }
  let from = null;
  lvln.drag(chart, ([, across], phase) => {
    const t = Math.min(state.rollout.steps - 1, Math.floor(across * state.rollout.steps));
    if (phase === "begin") from = t;
    mark(from, t);
    draw();
    if (phase === "end") ask();
  });
  ends.forEach((input, i) =>
    input.addEventListener("change", () => {
      const wanted = Number(input.value) - 1;
      // The other end gives way.
      mark(...(i ? [Math.min(stretch[0], wanted - SHORTEST + 1), wanted] : [wanted, Math.max(stretch[1], wanted + SHORTEST - 1)]));
      draw();
      ask();
    })
  );
  number.onRegion = () => {
    lvln.noteMemory({ region: number.region?.map((v) => v.toFixed(3)).join(",") });
    ask();
    number.onPlace();
  };
  root.querySelector(".part button").addEventListener("click", () => {
    number.region = null;
    number.onRegion();
  });
  lvln.on("cursor", () => shown && markNow(chart, lvln.stepAt(state.cursor)));

  return {
    enter(wanted, at = null) {
      filter = wanted;
      root.hidden = false;
      of = state.rollout.key;
      if (state.rollout.steps < SHORTEST) {
        of = null;
        status.textContent = `Show or predict more frames: a moment has at least ${SHORTEST} steps.`;
        body.hidden = true;
        return;
      }
      const steps = state.rollout.steps;
      if (at) mark(...at);
      else if (!stretch || stretch[1] >= steps) stretch = steps > SHORTEST ? [1, steps - 1] : [0, steps - 1];
      ask();
    },
  };
};
