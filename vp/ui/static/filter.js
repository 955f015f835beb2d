// One filter: the moments that excite it most, what is lost without it, and the motion that it speaks for.
lvln.oneFilter = (root) => {
  const { look, loops, element, escape, signed, times, tint, flow, lazy } = lvln;
  const QUANTITIES = { h: "state", z: "update gate", dh: "change" };
  const body = root.querySelector(".body");
  let filter = null;
  let quantity = "h";
  let shown = null;

  const view = lazy(root, {
    key: ({ model }) => filter && [model, ...Object.values(filter)].join(" "),
    message: "Looking it up…",
    ask: () => look("one_filter", filter),
    show,
    clear: () => (body.hidden = true),
    body,
  });

  function show(answer) {
    shown = answer;
    const { polar } = answer;
    const [block, kernel, number] = answer.part.split(".");
    root.querySelector("h4").textContent = `What filter ${number} of ${block}, ${times(kernel)} answers to`;
    exemplars(answer);
    root.querySelector(".lost").replaceChildren(...lost(answer));
    const plot = root.querySelector(".polar");
    plot.hidden = !polar;
    if (polar) plot.replaceChildren(element(rose(polar)), element(`<figcaption class="quiet">${speaks(polar)}</figcaption>`));
    body.hidden = false;
  }

  function exemplars({ model, part, moments, titles, clips }) {
    const [block, kernel, number] = part.split(".");
    const some = moments[quantity];
    root.querySelector(".over").textContent = `Where its ${QUANTITIES[quantity]} is largest in ${clips} clips. Each leads there.`;
    loops(
      root.querySelector(".moments"),
      some.map(({ clip, start, step, time, row, column, value, y, x }) => ({
        at: [clip, time, y, x],
        href: lvln.link({ clip, model, start, fps: 10, seen: step + 1, horizon: 3, view: "Memory", t: step, block, kernel, quantity, filter: number, row, column }),
        text: `<b>${escape(titles[clip] || clip)}</b> <span>${time.toFixed(1)} s</span> <span>${quantity === "z" ? value.toFixed(2) : signed(value, 2)}</span>`,
      }))
    );
  }

  // dB lost without it: a bar a clip.
  function lost({ lost, mean_lost, titles }) {
    if (mean_lost === null) return [element("<p class='quiet'>Nobody has tried the clips of this index without it.</p>")];
    const clips = Object.entries(lost).sort((a, b) => b[1] - a[1]);
    const most = Math.max(0.02, ...clips.map(([, v]) => Math.abs(v)));
    const said = Math.abs(mean_lost) < 0.005 ? "Without it predictions are as good" : `Without it the next frame ${mean_lost > 0 ? "loses" : "gains"} ${Math.abs(mean_lost).toFixed(2)} dB`;
    const bars = clips.map(([clip, v]) => `<i class="${v < 0 ? "less" : ""}" style="height:${(100 * Math.abs(v)) / most}%" title="${escape(titles[clip] || clip)}: ${signed(v, 3)} dB"></i>`);
    return [
      element(`<p>${said}, over ${clips.length} clips.</p>`),
      element(`<div class="bars" role="img" aria-label="dB lost without it, clip by clip">${bars.join("")}</div>`),
      element(`<p class="quiet">Clip by clip, up to ${most.toFixed(2)} dB; hatched: better without it. Others may stand in for one filter.</p>`),
    ];
  }

  // -- the motion that it speaks for -----------------------------------------------------------------------------
  const FEW = 50; // places: of fewer nothing is said
  const reach = ({ activation, count }) => Math.max(0.05, ...activation.flatMap((row, i) => row.map((v, k) => (v === null || count[i][k] < FEW ? 0 : Math.abs(v)))));

  // Rings for sizes, from still in the middle outwards; directions as on the page.
  function rose({ activation, count, still, sizes, directions }) {
    const scale = Math.max(reach({ activation, count }), Math.abs(still || 0));
    const fill = (v) => `rgb(${tint(v / scale)})`;
    const [middle, ring] = [20, 20];
    const wide = Math.PI / directions.length;
    const point = (r, a) => `${(r * Math.cos(a)).toFixed(1)} ${(-r * Math.sin(a)).toFixed(1)}`;
    const sectors = sizes.flatMap((size, i) =>
      directions.map((degrees, k) => {
        const angle = (degrees * Math.PI) / 180;
        const [near, far] = [middle + i * ring, middle + (i + 1) * ring];
        const known = activation[i][k] !== null && count[i][k] >= FEW;
        const upTo = sizes[i + 1] ? `${size} to ${sizes[i + 1]}` : `over ${size}`;
        const outward = `M${point(near, angle - wide)}L${point(far, angle - wide)}A${far} ${far} 0 0 0 ${point(far, angle + wide)}`;
        const back = `L${point(near, angle + wide)}A${near} ${near} 0 0 1 ${point(near, angle - wide)}Z`;
        const look = known ? `fill="${fill(activation[i][k])}"` : 'class="unknown"';
        const state = known ? `mean state ${signed(activation[i][k], 2)}` : "hardly ever seen";
        return `<path ${look} d="${outward}${back}"><title>${upTo} pixels a frame, ${degrees}°: ${state}</title></path>`;
      })
    );
    const rings = sizes.map((size, i) => `<text x="2" y="${-(middle + i * ring) - 3}" class="ring">${size}</text>`);
    return `<svg viewBox="-122 -116 244 232" role="img" aria-label="mean state by direction and size of motion">${sectors.join("")}
      <circle r="${middle}" fill="${still === null ? "none" : fill(still)}"><title>nothing moves: mean state ${still === null ? "not known" : signed(still, 2)}</title></circle>
      ${rings.join("")}<text x="104" y="4">→</text><text x="-104" y="4" text-anchor="end">←</text><text y="-104" text-anchor="middle">↑</text><text y="114" text-anchor="middle">↓</text></svg>
`;
  }

  // The direction in which its state differs most from that at rest, whatever the size.
  function speaks({ activation, count, still, directions }) {
    const mean = directions.map((_, k) => {
      const known = activation.map((row, i) => [row[k], count[i][k]]).filter(([v, n]) => v !== null && n >= FEW);
      const places = known.reduce((sum, [, n]) => sum + n, 0);
      return places ? known.reduce((sum, [v, n]) => sum + v * n, 0) / places : null;
    });
    const known = mean.filter((v) => v !== null);
    if (!known.length || still === null) return "Mean state by the motion at the same place.";
    const spread = Math.max(...known) - Math.min(...known);
    const scale = `Mean state by the motion at the same place: direction as on the page, pixels a frame outwards, the middle stands still (${signed(still, 2)}).`;
    if (spread < 0.05) return `It does not care in which direction things move. ${scale}`;
    const side = mean.map((v) => (v === null ? 0 : Math.abs(v - known.reduce((a, b) => a + b) / known.length)));
    const k = side.indexOf(Math.max(...side));
    const angle = (directions[k] * Math.PI) / 180;
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const opposite = Math.abs(mean[k] - low) > Math.abs(mean[k] - high) ? low : high;
    const way = flow.way(Math.cos(angle), -Math.sin(angle));
    return `It tells things that move ${way} from others: ${signed(mean[k], 2)} there, ${signed(opposite, 2)} the other way. ${scale}`;
  }

  root.querySelector("fieldset").addEventListener("change", (event) => {
    quantity = event.target.value;
    if (shown) exemplars(shown);
  });

  return {
    enter(wanted) {
      filter = wanted;
      root.hidden = false;
      view.look();
    },
  };
};
