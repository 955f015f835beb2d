// Compare: the three networks on the same window of the same clip.
lvln.views.compare = (root) => {
  const { state, on, draw, gain, inWords, element, escape, open, send, isPredicted } = lvln;
  const board = root.querySelector(".board");
  let shown = null;
  let columns = [];

  const visible = () => root.offsetParent !== null;
  function ask() {
    const { rollout } = state;
    if (!rollout || !visible() || shown === rollout.key) return;
    shown = rollout.key;
    columns = [];
    board.replaceChildren(element("<p class='waiting'>Running all three networks on this window…</p>"));
    send("compare", { key: rollout.key });
  }

  async function fill({ of, results }) {
    if (!state.rollout || of !== state.rollout.key) return;
    shown = of;
    const opened = await Promise.all(results.map((r) => (r.error ? r : open(r))));
    const best = Math.max(...opened.map((r) => (r.error || !r.scores.psnr.length ? -Infinity : gain(r.scores))));
    columns = [];
    board.replaceChildren(
      ...opened.map((result) => {
        if (result.error) return element(`<article class="model"><h3>${escape(result.title)}</h3><p class="bad">${escape(result.error)}</p></article>`);
        const won = gain(result.scores);
        const card = element(`<article class="model ${won === best ? "best" : ""}">
          <h3>${result.title}<small>${result.size[0]}×${result.size[1]} px · ${(result.seconds * 1000).toFixed(0)} ms</small></h3>
          <div class="pair"><figure><canvas></canvas><figcaption>prediction</figcaption></figure>
          <figure><canvas></canvas><figcaption>truth</figcaption></figure></div>
          <p class="result ${won >= 0.05 ? "good" : won <= -0.05 ? "bad" : ""}">${won === null ? "no true frames to score" : inWords(won)}</p>
          <table class="scores"><thead><tr><th scope="col">step</th><th scope="col">PSNR</th><th scope="col">SSIM</th><th scope="col">gain</th></tr></thead><tbody>
          ${result.scores.psnr.map((v, k) => {
            const better = v - result.scores.copy_last_psnr[k];
            return `<tr><th scope="row">+${k + 1}</th><td>${v.toFixed(1)} dB</td><td>${result.scores.ssim[k].toFixed(3)}</td><td class="${better >= 0 ? "good" : "bad"}">${better >= 0 ? "+" : "−"}${Math.abs(better).toFixed(1)} dB</td></tr>`;
          }).join("")}</tbody></table></article>`);
        card.style.setProperty("--aspect", `${result.size[1]} / ${result.size[0]}`);
        const [ours, truth] = card.querySelectorAll("canvas");
        columns.push({ result, ours, truth, card });
        return card;
      })
    );
    paint(state.cursor);
  }

  function paint(t) {
    for (const { result, ours, truth, card } of columns) {
      draw(ours, result.at("prediction", t));
      draw(truth, result.at("truth", t));
      card.classList.toggle("predicting", isPredicted(t));
    }
  }

  on("rollout", () => {
    shown = null;
    columns = [];
    board.replaceChildren();
    ask();
  });
  on("cursor", paint);
  on("compare", fill);
  // Asked for only when somebody looks: three networks cost three times one.
  new IntersectionObserver(ask).observe(root);
};
