// The one state that all views share: the rollout on show and a cursor on its time line.
//
// Frames are numbered 0 .. seen + horizon - 1. Step t of the network reads frame t and predicts frame t + 1, so the
// states "at" frame t are those after it was read; the last predicted frame is read by nobody.
function lvlnCore() {
  /** @type {State} */
  const state = { rollout: null, cursor: 0, playing: false, compare: null, entered: null, experiment: null };
  /** @type {Record<string, ((detail: any) => void)[]>} */
  const listeners = {};
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let wire = null;
  let timer = null;
  let pending = [];
  const asked = new Map();
  let questions = 0;
  let latest = null; // key of the rollout that came last
  let showing = Promise.resolve();

  /**
   * A view that mounts late is told at once what is on show; the others are left alone.
   * @template {keyof Events} K
   * @param {K} name
   * @param {(detail: Events[K]) => void} listener
   */
  const on = (name, listener) => {
    (listeners[name] ||= []).push(listener);
    const shown = { rollout: state.rollout, cursor: state.rollout && state.cursor, enter: state.entered };
    const now = /** @type {any} */ (shown)[name];
    if (now !== undefined && now !== null) listener(now);
  };
  const off = (name, listener) => {
    listeners[name] = (listeners[name] || []).filter((other) => other !== listener);
  };
  const emit = (name, detail) => (listeners[name] || []).forEach((listener) => listener(detail));
  /**
   * The next event of a name that is the one wanted.
   * @template {keyof Events} K
   * @param {K} name
   * @param {(detail: Events[K]) => boolean} wanted
   * @returns {Promise<Events[K]>}
   */
  const once = (name, wanted) =>
    new Promise((yes) => {
      const listener = (detail) => {
        if (!wanted(detail)) return;
        off(name, listener);
        yes(detail);
      };
      on(name, listener);
    });

  const frames = () => (state.rollout ? state.rollout.seen + state.rollout.horizon : 0);
  const isPredicted = (t) => state.rollout && t >= state.rollout.seen;
  const stepAt = (t) => Math.min(t, state.rollout.steps - 1);

  function setCursor(t) {
    if (!state.rollout) return;
    state.cursor = Math.max(0, Math.min(frames() - 1, t));
    emit("cursor", state.cursor);
  }

  function goTo(t) {
    play(false);
    setCursor(t);
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

  // Adds to a payload: real[t] and predicted[k], canvases; at(kind, t), the frame of a row at a time; made(step), what
  // the network predicted at a step, while seeing too.
  /** @param {RolloutPayload} payload @returns {Promise<Rollout>} */
  async function open(payload) {
    const [real, predicted, early, carried] = await Promise.all([
      lvln.cut(payload.strips.real, payload.seen + payload.truths, payload.size),
      lvln.cut(payload.strips.predicted, payload.horizon, payload.size),
      lvln.cut(payload.strips.one_step, payload.seen - 1, payload.size),
      lvln.cut(payload.strips.flow, payload.horizon, payload.size),
    ]);
    const last = real[payload.seen - 1];
    const rows = {
      truth: (t) => real[t] || null,
      prediction: (t) => (t < payload.seen ? real[t] : predicted[t - payload.seen]),
      copy: (t) => (t < payload.seen ? real[t] : last),
      flow: (t) => (t < payload.seen ? real[t] : carried[t - payload.seen] || null),
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
  async function afterPaint() {
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
  // dB over a bar: the last frame repeated, or the tuned flow; null where there is nothing to compare.
  const gain = (scores, bar = scores.copy_last_psnr) => (bar.length ? mean(scores.psnr) - mean(bar) : null);

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
      if (value.compare) emit("compare", (state.compare = value.compare));
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
  /**
   * A function of vp/ui/handlers.py, which answers at once.
   * @template {keyof Served} K
   * @param {K} name
   * @returns {Promise<Served[K]>}
   */
  const call = (name, ...args) => new Promise((yes, no) => whenConnected(() => wire.server[name](args).then(yes, no)));
  const send = (name, detail) => whenConnected(() => wire.trigger(name, detail));

  // Asks Python and waits in line with the predictions; progress: told the share that is done. Rejects with a message
  // for people.
  const ask = (event, detail, progress = null) =>
    new Promise((yes, no) => {
      const id = `${++questions}`;
      asked.set(id, { yes, no, progress });
      send(event, { id, key: state.rollout.key, ...detail });
    });
  /**
   * An experiment of vp/ui/experiments/ on the rollout on show, with its arguments.
   * @template {keyof Experiments} K
   * @param {K} name
   * @returns {Promise<Experiments[K]>}
   */
  const inspect = (name, options = {}) => ask("inspect", { name, options });
  /**
   * An experiment that answers in a blink, so that it need not wait in line.
   * @template {keyof Experiments} K
   * @param {K} name
   * @returns {Promise<Experiments[K]>}
   */
  async function look(name, options = {}) {
    const answer = await call("at_once", name, state.rollout.key, options);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
  /**
   * Which action the whole clip shows; parts: to silence.
   * @returns {Promise<Classification>}
   */
  const classify = (progress, parts = []) => ask("classify", { parts }, progress);

  // The name on the tab of the view that is open.
  const openedTab = () => document.querySelector("#views [role='tab'][aria-selected='true']")?.textContent.trim();
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

  const time = { frames, isPredicted, stepAt, setCursor, goTo, play };
  const python = { connect, call, send, inspect, look, classify, show, open, afterPaint };
  return { state, on, off, once, emit, ...time, ...python, busy, inWords, gain, openedTab, openTab, enter, dark, setTheme, calm };
}
window.lvln = /** @type {any} */ ({ ...lvlnCore(), views: {} });
