// The one state that all views share: the rollout on show and a cursor on its time line.
//
// Frames are numbered 0 .. seen + horizon - 1. Step t of the network reads frame t and predicts frame t + 1, so the
// states "at" frame t are those after it was read; the last predicted frame is read by nobody.
window.lvln = (() => {
  const state = { rollout: null, cursor: 0, playing: false, compare: null, entered: null };
  const listeners = {};
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let wire = null;
  let timer = null;
  let pending = [];
  const asked = new Map();
  let questions = 0;
  let latest = null; // key of the rollout that came last
  let showing = Promise.resolve();

  // A view that mounts late is told at once what is on show; the others are left alone.
  const on = (name, listener) => {
    (listeners[name] ||= []).push(listener);
    if (state.rollout && (name === "rollout" || name === "cursor")) listener(state[name]);
    if (name === "enter" && state.entered) listener(state.entered);
  };
  const emit = (name, detail) => (listeners[name] || []).forEach((listener) => listener(detail));

  const frames = () => (state.rollout ? state.rollout.seen + state.rollout.horizon : 0);
  const isPredicted = (t) => state.rollout && t >= state.rollout.seen;
  const stepAt = (t) => Math.min(t, state.rollout.steps - 1);

  function setCursor(t) {
    if (!state.rollout) return;
    state.cursor = Math.max(0, Math.min(frames() - 1, t));
    emit("cursor", state.cursor);
  }

  // Half speed: at 10 frames a second three predicted frames are gone in a blink.
  const delay = () => Math.max(70, 2000 / (state.rollout?.fps || 10));
  function tick() {
    const last = state.cursor >= frames() - 1;
    setCursor(last ? 0 : state.cursor + 1);
    timer = setTimeout(tick, state.cursor === frames() - 1 ? 900 : delay());
  }
  function play(wanted) {
    clearTimeout(timer);
    state.playing = wanted && frames() > 1;
    if (state.playing) timer = setTimeout(tick, delay());
    emit("playing", state.playing);
  }

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
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      canvas.getContext("2d", { willReadFrequently: true }).drawImage(strip, -i * width, 0);
      return canvas;
    });
  }

  // Adds to a payload: real[t] and predicted[k], canvases; at(kind, t), the frame of a row at a time; made(step), what
  // the network predicted at a step, while seeing too.
  async function open(payload) {
    const [real, predicted, early] = await Promise.all([
      cut(payload.strips.real, payload.seen + payload.truths, payload.size),
      cut(payload.strips.predicted, payload.horizon, payload.size),
      cut(payload.strips.one_step, payload.seen - 1, payload.size),
    ]);
    const last = real[payload.seen - 1];
    const rows = {
      truth: (t) => real[t] || null,
      prediction: (t) => (t < payload.seen ? real[t] : predicted[t - payload.seen]),
      copy: (t) => (t < payload.seen ? real[t] : last),
    };
    return { ...payload, real, predicted, at: (kind, t) => rows[kind](t), made: (step) => [...early, ...predicted][step] };
  }

  async function show(payload) {
    if (!payload) return;
    state.rollout = await open(payload);
    state.cursor = 0;
    emit("rollout", state.rollout);
    setCursor(0);
    busy(false);
    play(!calm.matches);
  }

  // Once the rollout that came last is on the screen.
  async function painted() {
    await showing;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }

  function busy(message) {
    document.documentElement.classList.toggle("lvln-busy", Boolean(message));
    emit("busy", message);
  }

  // Gain in words: what a newcomer can read without knowing what a decibel is.
  function inWords(gain) {
    if (Math.abs(gain) < 0.05) return "as good as repeating the last frame";
    return `${Math.abs(gain).toFixed(1)} dB ${gain > 0 ? "better" : "worse"} than repeating the last frame`;
  }
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const gain = (scores) => (scores.psnr.length ? mean(scores.psnr) - mean(scores.copy_last_psnr) : null);

  // The hidden component through which Python and this page talk.
  function connect({ props, trigger, server, watch }) {
    wire = { props, trigger, server };
    const receive = () => {
      const value = props.value || {};
      // Gradio may hand over again what it did not change.
      if (value.rollout && value.rollout.key !== latest) {
        latest = value.rollout.key;
        showing = show(value.rollout);
      }
      if (value.waiting) busy(value.waiting); // for what comes after it
      if (value.arrived !== undefined) emit("arrived", value.arrived); // of a clip that comes from elsewhere
      if (value.compare) {
        state.compare = value.compare;
        emit("compare", value.compare);
      }
      if (value.inspect) {
        const waiting = asked.get(value.inspect.id);
        if (value.inspect.progress !== undefined) {
          waiting?.progress?.(value.inspect.progress);
          return;
        }
        asked.delete(value.inspect.id);
        if (waiting) value.inspect.error ? waiting.no(new Error(value.inspect.error)) : waiting.yes(value.inspect);
      }
      if (value.error) busy(false);
    };
    watch("value", receive);
    receive();
    pending.forEach((run) => run());
    pending = [];
  }
  const whenConnected = (run) => (wire ? run() : pending.push(run));
  const call = (name, ...args) => new Promise((yes, no) => whenConnected(() => wire.server[name](args).then(yes, no)));
  const send = (name, detail) => whenConnected(() => wire.trigger(name, detail));

  // An experiment on the rollout on show: waits in line with the predictions. Rejects with a message for people.
  const inspect = (kind, options = {}) =>
    new Promise((yes, no) => {
      const id = `${++questions}`;
      asked.set(id, { yes, no });
      send("inspect", { id, kind, key: state.rollout.key, options });
    });

  // Which action the whole clip shows; progress: told the share of it that was watched; parts: to silence.
  const classify = (progress, parts = []) =>
    new Promise((yes, no) => {
      const id = `${++questions}`;
      asked.set(id, { yes, no, progress });
      send("classify", { id, key: state.rollout.key, parts });
    });

  // 256 colours. Signed: blue, through the page's middle, to red; what has no sign: dark to bright.
  function lut(signed) {
    const stops = signed
      ? dark()
        ? [[96, 180, 255], [34, 84, 150], [24, 27, 34], [160, 62, 38], [255, 150, 92]]
        : [[20, 56, 120], [82, 146, 205], [247, 247, 247], [226, 122, 86], [120, 22, 32]]
      : [[18, 20, 32], [62, 50, 110], [150, 62, 110], [232, 122, 76], [252, 232, 164]];
    const table = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i += 1) {
      const place = (i / 255) * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(place));
      for (let c = 0; c < 3; c += 1) table[3 * i + c] = stops[k][c] + (stops[k + 1][c] - stops[k][c]) * (place - k);
    }
    return table;
  }

  // The grey values of a picture, from 0 to 255: { values, width, height }.
  async function grey(url) {
    const picture = await image(url);
    const scratch = document.createElement("canvas");
    scratch.width = picture.width;
    scratch.height = picture.height;
    const context = scratch.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const rgba = context.getImageData(0, 0, picture.width, picture.height).data;
    const values = new Uint8Array(picture.width * picture.height);
    for (let i = 0; i < values.length; i += 1) values[i] = rgba[4 * i];
    return { values, width: picture.width, height: picture.height };
  }

  // Turn to another view by the name on its tab.
  function openTab(name) {
    // On a narrow page Gradio moves tabs into a menu.
    const tabs = [...document.querySelectorAll("#views [role='tablist'] button, #views .overflow-dropdown button")];
    tabs.find((tab) => tab.textContent.trim() === name)?.click();
  }

  // Go to one ConvGRU in the Memory view, which may not be there before its tab is opened.
  function enter(block, kernel, more = {}) {
    state.entered = { block, kernel, ...more };
    openTab("Memory");
    emit("enter", state.entered);
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

  const element = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  };
  const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

  // A class name for people: "BabyCrawling" -> "Baby Crawling", but YoYo stays.
  const spaced = (name) => escape(name.replace(/([a-z])(?=[A-Z][a-z]{2})/g, "$1 "));

  const dark = () => document.body.classList.contains("dark");
  function setTheme(wanted) {
    document.body.classList.toggle("dark", wanted === "dark");
    try {
      localStorage.setItem("lvln-theme", wanted);
    } catch {
      // A browser that forbids storage just forgets the choice.
    }
    emit("theme", wanted);
  }

  return {
    state, on, emit, cut, frames, isPredicted, stepAt, setCursor, play, show, open, painted, image, busy, inWords, mean, gain, connect,
    call, send, inspect, classify, lut, grey, openTab, enter, draw, element, escape, spaced, dark, setTheme, views: {},
  };
})();
