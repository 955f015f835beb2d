// Compare: the three networks on the same window of the same clip.
lvln.views.compare = (root) => {
  const { once, draw, gain, grade, inWords, element, escape, signed, open, send, isPredicted, shape, lazy } = lvln;
  const board = root.querySelector(".board");
  let columns = [];

  // Asked for only when somebody looks: three networks cost three times one.
  async function ask({ key }) {
    send("compare", { key });
    const { results } = await once("compare", ({ of }) => of === key);
    return Promise.all(results.map((r) => (r.error ? r : open(r))));
  }

  function fill(opened) {
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
          <p class="result ${grade(won)}">${won === null ? "no true frames to score" : inWords(won)}</p>
          <table class="scores"><thead><tr><th scope="col">step</th><th scope="col">PSNR</th><th scope="col">SSIM</th><th scope="col">gain</th></tr></thead><tbody>
          ${result.scores.psnr.map((v, k) => {
            const better = v - result.scores.copy_last_psnr[k];
            return `<tr><th scope="row">+${k + 1}</th><td>${v.toFixed(1)} dB</td><td>${result.scores.ssim[k].toFixed(3)}</td><td class="${better >= 0 ? "good" : "bad"}">${signed(better)} dB</td></tr>`;
          }).join("")}</tbody></table></article>`);
        shape(card, result.size);
        const [ours, truth] = card.querySelectorAll("canvas");
        columns.push({ result, ours, truth, card });
        return card;
      })
    );
  }

  function paint(t) {
    for (const { result, ours, truth, card } of columns) {
      draw(ours, result.at("prediction", t));
      draw(truth, result.at("truth", t));
      card.classList.toggle("predicting", isPredicted(t));
    }
  }

  lazy(root, {
    message: "Running all three networks on this window…",
    ask,
    show: fill,
    paint: (_, t) => paint(t),
    say: (_, text) => board.replaceChildren(element(`<p class="waiting">${escape(text)}</p>`)),
    clear: () => board.replaceChildren(),
  });
};
