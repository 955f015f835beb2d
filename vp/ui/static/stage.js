// The stage: truth, prediction and copy-last in step, the result in words, and the time line.
lvln.views.stage = (root) => {
  const { state, on, goTo, play, draw, isPredicted, inWords, gain, grade, escape, element, clicks, moment, markNow, keys, shape } = lvln;
  const panels = [...root.querySelectorAll("[data-panel]")].map((figure) => ({
    kind: figure.dataset.panel,
    figure,
    canvas: figure.querySelector("canvas"),
    note: figure.querySelector(".note"),
  }));
  const line = root.querySelector(".timeline");
  const headline = root.querySelector(".headline");
  const details = root.querySelector(".details");
  const button = root.querySelector(".play");
  const where = root.querySelector(".where");

  // The third picture is either of the two bars.
  let bar = "copy";
  const bars = [...root.querySelectorAll("[data-bar]")];
  clicks(bars, (button) => {
    bar = button.dataset.bar;
    lvln.setCursor(state.cursor);
  });
  const advice = root.querySelector(".advice");
  advice.lastElementChild.addEventListener("click", () => {
    const input = document.querySelector("#seen input[type=number]");
    input.value = state.rollout.made_for;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });

  on("rollout", (rollout) => {
    shape(root, rollout.size);
    line.replaceChildren(
      ...Array.from({ length: rollout.seen + rollout.horizon }, (_, t) => {
        const label = t >= rollout.seen ? `predicted frame ${t - rollout.seen + 1}` : `seen frame ${t + 1}`;
        const cell = moment(t, { kind: "cell", label });
        cell.tabIndex = -1;
        draw(cell.querySelector("canvas"), rollout.at("prediction", t));
        return cell;
      })
    );
    line.style.setProperty("--cells", rollout.seen + rollout.horizon);
    line.setAttribute("aria-valuemax", rollout.seen + rollout.horizon);
    const won = gain(rollout.scores);
    headline.className = `headline ${grade(won)}`;
    if (won === null) {
      headline.innerHTML = "<strong>Beyond the end of the clip</strong><span>there is no true frame to compare with</span>";
    } else {
      const [amount, rest] = inWords(won).split(/(?<=better|worse|good as) /);
      headline.innerHTML = `<strong>${amount}</strong> <span>${rest}</span>`;
    }
    const over = gain(rollout.scores, rollout.scores.flow_psnr);
    if (over !== null) {
      const flow = lvln.word("flow", "tuned flow");
      const size = `${Math.abs(over).toFixed(1)} dB`;
      const said = Math.abs(over) < 0.05 ? `and as good as ${flow}` : over > 0 ? `and ${size} ahead of ${flow}` : `but ${flow} is ${size} ahead of it here`;
      headline.append(element(`<small class="${grade(Math.min(0, over))}">${said}</small>`));
    }
    bars.forEach((button) => (button.disabled = button.dataset.bar === "flow" && !rollout.strips.flow));
    const missing = rollout.seen > 1 ? "OpenCV, which is not installed here" : "two seen frames";
    root.querySelector("[data-bar=flow]").title = rollout.strips.flow
      ? "The optical flow of the last two frames carried on, with caution that training clips taught"
      : `Tuned flow needs ${missing}`;
    if (!rollout.strips.flow) bar = "copy";
    advice.hidden = rollout.seen === rollout.made_for;
    advice.firstElementChild.textContent = `${rollout.title} was trained on ${rollout.made_for} seen frames.`;
    advice.lastElementChild.textContent = `Show it ${rollout.made_for}`;
    details.textContent = [
      rollout.title,
      escape(rollout.clip),
      `saw ${rollout.seen}, predicted ${rollout.horizon} at ${rollout.fps} fps${rollout.fine ? `, ${rollout.size.join("×")} px` : ""}`,
      `${(rollout.seconds * 1000).toFixed(0)} ms`,
      ...(rollout.trained_on ? ["seen in training"] : []),
    ].join(" · ");
  });

  on("cursor", (t) => {
    const { rollout } = state;
    const predicted = isPredicted(t);
    const k = t - rollout.seen;
    bars.forEach((button) => button.setAttribute("aria-pressed", button.dataset.bar === bar));
    for (const { kind: panel, figure, canvas, note } of panels) {
      const kind = panel === "copy" ? bar : panel;
      const frame = rollout.at(kind, t);
      draw(canvas, frame);
      figure.classList.toggle("predicted", predicted && kind === "prediction");
      figure.classList.toggle("missing", !frame);
      const score = { prediction: rollout.scores.psnr, copy: rollout.scores.copy_last_psnr, flow: rollout.scores.flow_psnr };
      const value = predicted ? score[kind]?.[k] : undefined;
      note.textContent = !frame ? "the clip has ended" : value !== undefined ? `${value.toFixed(1)} dB` : predicted ? "" : "seen";
    }
    markNow(line, t);
    line.setAttribute("aria-valuenow", t + 1);
    line.setAttribute("aria-valuetext", predicted ? `predicted frame ${k + 1}` : `seen frame ${t + 1}`);
    where.textContent = predicted ? `predicted +${k + 1}` : `seen ${t + 1} of ${rollout.seen}`;
    where.classList.toggle("predicted", predicted);
    const cell = line.children[t];
    if (cell && line.scrollWidth > line.clientWidth) {
      line.scrollLeft = cell.offsetLeft - line.clientWidth / 2 + cell.clientWidth / 2;
    }
  });

  lvln.share(root.querySelector(".share"));

  // Only what takes longer than a blink is announced.
  let announce = null;
  on("busy", (message) => {
    clearTimeout(announce);
    const note = root.querySelector(".busy");
    const say = () => (note.textContent = message ? `${message}…` : "");
    if (message && !note.textContent) announce = setTimeout(say, 250);
    else say();
  });

  const showPlaying = (playing) => {
    button.setAttribute("aria-pressed", playing);
    button.setAttribute("aria-label", playing ? "pause" : "play");
    button.classList.toggle("on", playing);
  };
  on("playing", showPlaying);
  showPlaying(state.playing); // it may play already, on a page that was slow to build
  button.addEventListener("click", () => play(!state.playing));
  keys(line, { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9, " ": 0 }, (move) => (move ? goTo(state.cursor + move) : play(!state.playing)));
};
