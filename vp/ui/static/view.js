// What all views do: pictures in and out, colours, frames that lead to their step, line charts, and asking when somebody
// looks.
function lvlnView() {
  const { state, on, call, isPredicted, goTo, dark, calm } = lvln;

  // From markup; click: what a click on it does; children: what it holds after that of the markup.
  const element = (html, click = null, ...children) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    const made = /** @type {any} */ (template.content.firstElementChild);
    if (click) made.addEventListener("click", click);
    made.append(...children);
    return made;
  };
  // What a click on any of several buttons does: does(button, which).
  const clicks = (buttons, does) => buttons.forEach((button, i) => button.addEventListener("click", () => does(button, i)));
  const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  // A class name for people: "BabyCrawling" -> "Baby Crawling", but YoYo stays.
  const apart = (name) => name.replace(/([a-z])(?=[A-Z][a-z]{2})/g, "$1 ");
  const spaced = (name) => escape(apart(name));
  const signed = (v, digits = 1) => `${v < -0.5 * 10 ** -digits ? "−" : "+"}${Math.abs(v).toFixed(digits)}`;
  const times = (kernel) => kernel.replace("x", "×");
  const clamp = (v, low = 0, high = 1) => Math.max(low, Math.min(high, v));
  // "good" or "bad" for a gain in dB that can be seen; "" for less, and for none.
  const grade = (gain) => (gain >= 0.05 ? "good" : gain <= -0.05 ? "bad" : "");
  const visible = (root) => root.offsetParent !== null;
  // Tells the style sheet in which shape the frames [h, w] of a view are.
  const shape = (root, [h, w]) => root.style.setProperty("--aspect", `${w} / ${h}`);
  // Of several calls within some milliseconds, the last one runs.
  function later(ms) {
    let timer = null;
    return (run) => {
      clearTimeout(timer);
      timer = setTimeout(run, ms);
    };
  }
  // Keys that move something. moves: what each key does, in the terms of does(move).
  function keys(target, moves, does) {
    target.addEventListener("keydown", (event) => {
      if (!(event.key in moves)) return;
      event.preventDefault();
      does(moves[event.key]);
    });
  }

  // -- pictures --------------------------------------------------------------------------------------------------
  const blank = (h, w) => Object.assign(document.createElement("canvas"), { width: w, height: h });
  const pixels = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

  async function image(url) {
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    return picture;
  }

  // One film strip [count frames side by side] -> a canvas per frame.
  async function cut(url, count, [height, width]) {
    if (!url) return [];
    const strip = await image(url);
    return Array.from({ length: count }, (_, i) => {
      const canvas = blank(height, width);
      pixels(canvas).drawImage(strip, -i * width, 0);
      return canvas;
    });
  }

  function copied(picture) {
    const canvas = blank(picture.height, picture.width);
    pixels(canvas).drawImage(picture, 0, 0);
    return canvas;
  }

  // What a canvas shows: four numbers a pixel.
  const rgba = (canvas) => pixels(canvas).getImageData(0, 0, canvas.width, canvas.height).data;

  // The grey values of a picture, from 0 to 255: { values, width, height }.
  async function grey(url) {
    const scratch = copied(await image(url));
    const data = rgba(scratch);
    return { values: Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]), width: scratch.width, height: scratch.height };
  }

  // A canvas that becomes [h, w] pixels. fill(data) sets four numbers for each.
  function filled(canvas, h, w, fill) {
    Object.assign(canvas, { width: w, height: h });
    const picture = new ImageData(w, h);
    fill(picture.data);
    pixels(canvas).putImageData(picture, 0, 0);
    return canvas;
  }

  // Paints [h, w] pixels on a canvas, or a new one. colour(i): [r, g, b], or with opacity, each from 0 to 255.
  function painted(h, w, colour, canvas = blank(h, w)) {
    return filled(canvas, h, w, (data) => {
      for (let i = 0; i < h * w; i += 1) {
        data[4 * i + 3] = 255;
        data.set(colour(i), 4 * i);
      }
    });
  }

  // A tile [h, w] of a grey picture in colours (see lut). left, top: where it lies; tone: another grey value for one;
  // opacity: of a grey value.
  function tile({ values, width }, [h, w], { left = 0, top = 0, signed = false, tone = (v) => v, opacity = (_) => 255 }, canvas = blank(h, w)) {
    const table = lut(signed);
    const colours = new Uint32Array(256);
    const bytes = new Uint8ClampedArray(colours.buffer);
    for (let v = 0; v < 256; v += 1) {
      const at = 3 * Math.round(tone(v));
      bytes.set([table[at], table[at + 1], table[at + 2], opacity(v)], 4 * v);
    }
    return filled(canvas, h, w, ({ buffer }) => {
      const out = new Uint32Array(buffer);
      for (let i = 0; i < h * w; i += 1) out[i] = colours[values[(top + Math.floor(i / w)) * width + left + (i % w)]];
    });
  }

  // 256 colours. Signed: blue, through the page's middle, to red; what has no sign: dark to bright.
  const tables = {};

  function lut(signed) {
    const name = signed ? (dark() ? "signed_dark" : "signed") : "unsigned";
    if (tables[name]) return tables[name];
    const stops = LVLN_COLOURS[name];
    const table = (tables[name] = new Uint8ClampedArray(256 * 3));
    for (let i = 0; i < 256; i += 1) {
      const place = (i / 255) * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(place));
      for (let c = 0; c < 3; c += 1) table[3 * i + c] = stops[k][c] + (stops[k + 1][c] - stops[k][c]) * (place - k);
    }
    return table;
  }
  // The colour [r, g, b] of a number from -1 to 1, or from 0 to 1 where there is no sign.
  function tint(v, signed = true) {
    const at = 3 * Math.round(255 * clamp(signed ? (v + 1) / 2 : v));
    return lut(signed).subarray(at, at + 3);
  }

  // A path drawn once for each of [[colour, width], ...], and dots filled: what is light with a dark edge shows on every
  // picture.
  function stroke(context, strokes, path, dots = (_) => {}) {
    for (const [colour, width] of strokes) {
      Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: width, lineCap: "round" });
      context.beginPath();
      path();
      context.stroke();
      context.beginPath();
      dots(width);
      context.fill();
    }
  }
  // From one place to another, with a dot at its end. dot: its radius for a width of line.
  function arrow(context, strokes, from, to, dot) {
    const path = () => (context.moveTo(...from), context.lineTo(...to));
    stroke(context, strokes, path, (width) => context.arc(...to, dot(width), 0, 7));
  }

  function draw(canvas, frame, { smooth = true } = {}) {
    const context = canvas.getContext("2d");
    if (!frame) {
      context.clearRect(0, 0, canvas.width, canvas.height);
      return;
    }
    const zoom = Math.max(1, Math.min(4, Math.floor(768 / frame.width)));
    if (canvas.width !== frame.width * zoom) {
      canvas.width = frame.width * zoom;
      canvas.height = frame.height * zoom;
    }
    context.imageSmoothingEnabled = smooth;
    context.imageSmoothingQuality = "high";
    context.drawImage(frame, 0, 0, canvas.width, canvas.height);
  }

  // Where something points: [down, across] in shares of what it points at.
  function pointed({ clientX, clientY }, target) {
    const box = target.getBoundingClientRect();
    return [clamp((clientY - box.top) / box.height), clamp((clientX - box.left) / box.width)];
  }
  // Dragging over a canvas: does([down, across] in shares of it, "begin", "move" or "end").
  function drag(canvas, does) {
    let dragged = false;
    const tell = (event, phase) => does(pointed(event, canvas), phase);
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      dragged = true;
      tell(event, "begin");
    });
    canvas.addEventListener("pointermove", (event) => dragged && tell(event, "move"));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => {
        if (dragged) tell(event, "end");
        dragged = false;
      });
    }
  }

  // -- frames and steps ------------------------------------------------------------------------------------------
  const ahead = (t) => (isPredicted(t) ? `+${t - state.rollout.seen + 1}` : `${t + 1}`);

  // A button for one frame of the time line or one step of the network, which leads there.
  function moment(t, { kind = "step", label = `step ${t + 1}`, note = ahead(t), more = "" } = {}) {
    return element(`<button type="button" class="${kind} ${isPredicted(t) ? "predicted" : "seen"}" data-t="${t}" aria-label="${label}"><canvas></canvas>${more}<span>${note}</span></button>`, () => goTo(t));
  }
  // All steps in a row. paint(canvas, t, button) fills each.
  function steps(row, paint, options = {}) {
    row.replaceChildren(
      ...Array.from({ length: state.rollout.steps }, (_, t) => {
        const button = moment(t, options);
        paint(button.querySelector("canvas"), t, button);
        return button;
      }),
    );
  }
  const markNow = (root, t) => root.querySelectorAll("[data-t]").forEach((at) => at.classList.toggle("now", Number(at.dataset.t) === t));

  // -- moments of other clips ------------------------------------------------------------------------------------
  const films = new Set();

  function turn({ canvas, frames, now, y, x }, i) {
    draw(canvas, frames[i]);
    if (y === null) return;
    const context = canvas.getContext("2d");
    stroke(context, [["#000", 9], [i === now ? "#ffd84d" : "#fff", 4]], () => context.arc(x * canvas.width, y * canvas.height, canvas.height / 9, 0, 7));
  }
  let beat = 0;
  setInterval(() => {
    beat += 1;
    for (const film of films) {
      if (!film.canvas.isConnected) films.delete(film);
      else if (!calm.matches && visible(film.canvas)) turn(film, Math.min(film.frames.length - 1, beat % (film.frames.length + 2)));
    }
  }, 150);
  // Small moving pictures, each a link to its moment. items: [{ at: [clip, seconds, y, x], href, text }], y and x in shares
  // of the frame, or null for all of it.
  async function loops(row, items) {
    row.replaceChildren(...items.map(({ href, text }) => element(`<a class="loop" href="${escape(href)}"><canvas width="144" height="96"></canvas><span>${text}</span></a>`)));
    const [first] = row.children;
    const { crops } = await call("crops", items.map(({ at }) => at));
    await Promise.all(
      crops.map(async (crop, i) => {
        const frames = crop && (await cut(crop.strip, crop.count, crop.size));
        if (!frames || row.firstElementChild !== first) return;
        const film = { ...crop, frames, canvas: row.children[i].querySelector("canvas") };
        films.add(film);
        turn(film, film.now);
      })
    );
  }

  // -- line charts -----------------------------------------------------------------------------------------------
  // The `d` of a line through [[x, y], ...].
  const polyline = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  // series: [{ name, kind, values, note? }], with points where there is a note; ticks: [{ v, text }]; labels: [{ at, text }]
  // by place on the line. under, over({ x, y, left, right, top, bottom }): further drawings. Returns the picture and that.
  function lineChart({ title, series, range: [low, high], ticks, labels, right = 136, under = (_) => "", over = (_) => "" }) {
    const [W, H] = [640, 230];
    const box = { left: 44, right: W - right, top: 16, bottom: H - 26 };
    const count = Math.max(...series.map((s) => s.values.length));
    const x = (i) => box.left + ((box.right - box.left) * i) / Math.max(1, count - 1);
    const y = (v) => box.top + ((box.bottom - box.top) * (high - v)) / (high - low || 1);
    // Names stand at the ends of their lines, 15 apart at least; those at the bottom move up as far as they must.
    const ends = series.map((s, i) => ({ at: y(s.values.at(-1)), i })).sort((a, b) => a.at - b.at);
    for (let k = 1; k < ends.length; k += 1) ends[k].at = Math.max(ends[k].at, ends[k - 1].at + 15);
    ends.reduceRight((below, end) => (end.at = Math.min(end.at, below)) - 15, box.bottom);
    const points = ({ values, note }) => (note ? values.map((v, i) => `<circle cx="${x(i)}" cy="${y(v)}" r="3"><title>${note(v)}</title></circle>`).join("") : "");
    const at = { x, y, ...box };
    const grid = ticks.map(({ v, text }) => `<g class="tick"><path d="M${box.left} ${y(v)}H${box.right}"/><text x="${box.left - 7}" y="${y(v) + 4}" text-anchor="end">${text}</text></g>`);
    const below = labels.map(({ at, text }) => `<text class="label" x="${x(at)}" y="${H - 7}" text-anchor="middle">${text}</text>`);
    const lines = series.map((s, i) => `<g class="series ${s.kind}"><path d="${polyline(s.values.map((v, k) => [x(k), y(v)]))}"/>${points(s)}<text x="${box.right + 9}" y="${ends.find((end) => end.i === i).at + 4}">${s.name}</text></g>`);
    const drawn = [under(at), ...grid, ...below, ...lines, over(at)].join("");
    return { picture: element(`<svg class="chart" viewBox="0 0 ${W} ${H}" role="img" aria-label="${title}">${drawn}</svg>`), ...at };
  }

  // -- asking when somebody looks --------------------------------------------------------------------------------
  // ask(rollout) is called once for each key(rollout) while the view is on show, unless it is null or changes within `wait`
  // milliseconds; then show(answer), unless another rollout came meanwhile, and paint(answer, t) at every move of the
  // cursor. What failed is said, hides the body, and is asked again when somebody looks again. say(kind, text): "waiting",
  // "failed" or "". clear(): the rollout is another one.
  /**
   * @template T
   * @param {HTMLElement} root
   * @param {{ message?: string, body?: HTMLElement, wait?: number, key?: (rollout: Rollout) => string | null, ask: (rollout: Rollout, fresh: () => boolean) => Promise<T>,
   *   show?: (answer: T) => void, paint?: (answer: T, t: number) => void, clear?: () => void,
   *   say?: (kind: string, text: string) => void }} view
   */
  function lazy(root, { message = "", body, wait = 0, key = (rollout) => rollout.key, ask, show, paint, clear, say = null }) {
    let [asked, answer] = [null, null];
    say ||= (kind, text) => {
      root.classList.toggle("waiting", kind === "waiting");
      root.querySelector(".status").textContent = text;
      if (body && kind === "failed") body.hidden = true;
    };
    const repaint = () => answer && visible(root) && paint?.(answer, state.cursor);
    async function look() {
      const { rollout } = state;
      if (!rollout || !visible(root) || [asked, null].includes(key(rollout))) return;
      const wanted = (asked = key(rollout));
      const fresh = () => asked === wanted;
      say("waiting", message);
      try {
        if (wait) await new Promise((done) => setTimeout(done, wait));
        if (!fresh()) return;
        const came = await ask(rollout, fresh);
        if (!fresh()) return;
        say("", "");
        answer = came;
        show?.(answer);
        repaint();
      } catch (error) {
        if (!fresh()) return;
        asked = null;
        say("failed", error.message || String(error));
      }
    }

    function again() {
      asked = null;
      look();
    }
    on("rollout", (rollout) => {
      if (asked !== null && asked !== key(rollout)) {
        asked = answer = null;
        clear?.();
      }
      look();
    });
    on("cursor", repaint);
    new IntersectionObserver(() => {
      look();
      repaint();
    }).observe(root);
    return { look, again };
  }

  const words = { element, clicks, escape, apart, spaced, signed, grade, times };
  const pictures = { image, cut, copied, rgba, grey, painted, tile, tint, stroke, arrow, draw };
  return { ...words, ...pictures, clamp, visible, shape, later, keys, pointed, drag, ahead, moment, steps, loops, markNow, polyline, lineChart, lazy };
}
Object.assign(lvln, /** @satisfies {Beside} */ (lvlnView()));
