// The one state that all views share: the rollout on show and a cursor on its time line.
//
// Frames are numbered 0 .. seen + horizon - 1. Step t of the network reads frame t and predicts frame t + 1, so the
// states "at" frame t are those after it was read; the last predicted frame is read by nobody.
window.lvln = (() => {
  const state = { rollout: null, cursor: 0, playing: false, compare: null };
  const listeners = {};
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let wire = null;
  let timer = null;
  let pending = [];

  // A view that mounts late is told at once what is on show; the others are left alone.
  const on = (name, listener) => {
    (listeners[name] ||= []).push(listener);
    if (state.rollout && (name === "rollout" || name === "cursor")) listener(state[name]);
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

  // Adds to a payload: real[t] and predicted[k], canvases; at(kind, t), the frame of a row at a time.
  async function open(payload) {
    const real = await cut(payload.strips.real, payload.seen + payload.truths, payload.size);
    const predicted = await cut(payload.strips.predicted, payload.horizon, payload.size);
    const last = real[payload.seen - 1];
    const rows = {
      truth: (t) => real[t] || null,
      prediction: (t) => (t < payload.seen ? real[t] : predicted[t - payload.seen]),
      copy: (t) => (t < payload.seen ? real[t] : last),
    };
    return { ...payload, real, predicted, at: (kind, t) => rows[kind](t) };
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
      if (value.rollout) show(value.rollout);
      if (value.compare) {
        state.compare = value.compare;
        emit("compare", value.compare);
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

  function draw(canvas, frame, { smooth = true } = {}) {
    const context = canvas.getContext("2d");
    if (!frame) {
      context.clearRect(0, 0, canvas.width, canvas.height);
      return;
    }
    if (canvas.width !== frame.width * 4) {
      canvas.width = frame.width * 4;
      canvas.height = frame.height * 4;
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
    state, on, emit, frames, isPredicted, stepAt, setCursor, play, show, open, image, busy, inWords, mean, gain, connect,
    call, send, draw, element, escape, dark, setTheme, views: {},
  };
})();
