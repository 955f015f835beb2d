// Predict: film strips of every predicted step, their errors, and the scores step by step.
lvln.views.predict = (root) => {
  const { on, draw, element, moment, markNow, painted, rgba, shape } = lvln;
  const strips = root.querySelector(".strips");
  const chart = root.querySelector(".chart");

  // Absolute difference, averaged over colours, on a black-body scale; 64 of 255 levels is already glaring.
  function errorMap(a, b) {
    const [x, y] = [rgba(a), rgba(b)];
    return painted(a.height, a.width, (i) => {
      const error = [0, 1, 2].reduce((sum, c) => sum + Math.abs(x[4 * i + c] - y[4 * i + c]), 0) / 3;
      return [0, 0.7, 1.4].map((start) => 255 * (Math.min(1, error / 64) * 2.2 - start)); // a canvas clips
    });
  }

  function row(title, about, cells, kind) {
    const line = element(`<div class="strip ${kind}"><header><b>${title}</b><small>${about}</small></header><div class="cells"></div></div>`);
    line.querySelector(".cells").append(
      ...cells.map(({ frame, note, t }) => {
        const cell = moment(t, { kind: "cell", label: `${title}, frame ${t + 1}`, note });
        if (frame) draw(cell.querySelector("canvas"), frame);
        else cell.classList.add("missing");
        return cell;
      })
    );
    return line;
  }

  on("rollout", (rollout) => {
    shape(root, rollout.size);
    const steps = Array.from({ length: rollout.horizon }, (_, k) => k);
    const time = (k) => rollout.seen + k;
    const truth = (k) => rollout.at("truth", time(k));
    const dB = (values, k) => (values[k] === undefined ? "" : `${values[k].toFixed(1)} dB`);
    const seen = Array.from({ length: rollout.seen }, (_, t) => ({ frame: rollout.real[t], note: `${t + 1}`, t }));
    const error = (kind, k) => (truth(k) ? errorMap(rollout.at(kind, time(k)), truth(k)) : null);
    strips.replaceChildren(
      row("Seen", "what the network was shown", seen, "seen"),
      row("Truth", "what happened next", steps.map((k) => ({ frame: truth(k), note: truth(k) ? `+${k + 1}` : "ended", t: time(k) })), "truth"),
      row("Prediction", `by ${rollout.title}`, steps.map((k) => ({ frame: rollout.predicted[k], note: dB(rollout.scores.psnr, k), t: time(k) })), "predicted"),
      row("Its error", "dark is right, bright is wrong", steps.map((k) => ({ frame: error("prediction", k), note: "", t: time(k) })), "error"),
      row("Last frame repeated", "the bar to beat", steps.map((k) => ({ frame: rollout.at("copy", time(k)), note: dB(rollout.scores.copy_last_psnr, k), t: time(k) })), "copy"),
      row("Its error", "the same scale", steps.map((k) => ({ frame: error("copy", k), note: "", t: time(k) })), "error")
    );
    chart.replaceChildren(plot(rollout, "psnr", "PSNR in dB", 1), plot(rollout, "ssim", "SSIM", 3));
  });

  function plot({ scores, horizon }, name, title, digits) {
    const ours = scores[name];
    const copy = scores[`copy_last_${name}`];
    if (!ours.length) return element("<p class='quiet'>No true frames after the seen ones: nothing to score.</p>");
    const [low, high] = [Math.min(...ours, ...copy), Math.max(...ours, ...copy)];
    const floor = low - 0.35 * (high - low || 0.1);
    const size = (v) => `${(100 * (v - floor)) / (high - floor || 1)}%`;
    const rows = ours.map((value, k) => {
      const better = value - copy[k];
      return `<tr><th scope="row">+${k + 1}</th>
        <td class="bars"><i class="ours" style="width:${size(value)}"></i><i class="copy" style="width:${size(copy[k])}"></i></td>
        <td>${value.toFixed(digits)}</td><td class="quiet">${copy[k].toFixed(digits)}</td>
        <td class="${better >= 0 ? "good" : "bad"}">${better >= 0 ? "+" : "−"}${Math.abs(better).toFixed(digits)}</td></tr>`;
    });
    return element(`<table class="scores"><caption>${title}</caption><thead><tr><th scope="col">step</th><td></td>
      <th scope="col" class="ours">predicted</th><th scope="col">repeated</th><th scope="col">gain</th></tr></thead><tbody>${rows.join("")}</tbody></table>`);
  }

  on("cursor", (t) => markNow(root, t));
};
