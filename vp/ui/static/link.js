// The address says what is on show: clip, window, network, view, filter and step. A link to it brings them back.
(() => {
  const { state, on, emit, later, openedTab, openTab, enter, goTo } = lvln;
  lvln.arrived = location.hash; // before this page writes an address of its own
  let wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  let restored = !wanted.clip;
  let memory = null;
  let experiments = null;

  // Uploads stay on the machine of whoever uploaded them: there is no link to one.
  function address() {
    const { rollout } = state;
    if (!rollout || !rollout.clip_id) return null;
    const { clip_id: clip, model, start, fps, seen, horizon, fine } = rollout;
    const values = { clip, model, start, fps, seen, horizon, ...(fine && { size: "fine" }), view: openedTab() || "Predict", t: state.cursor };
    if (values.view === "Memory" && memory) Object.assign(values, JSON.parse(JSON.stringify(memory))); // without what is undefined
    if (values.view === "Experiments" && experiments) Object.assign(values, experiments);
    return lvln.link(values);
  }

  const soon = later(150);

  function write() {
    if (!restored || state.playing) return;
    soon(() => history.replaceState(null, "", address() || location.pathname + location.search));
  }

  function restore(rollout) {
    // Not on the example that every page opens with: the clip of the link is on its way, even if it is the same.
    if (restored || rollout.key === "example") return;
    restored = true;
    if (rollout.clip_id !== wanted.clip) return; // somebody has gone elsewhere meanwhile
    // After the page has stepped to the first frame and begun to play.
    setTimeout(() => {
      goTo(Number(wanted.t) || 0);
      if (wanted.view === "Memory" && wanted.block) {
        const numbers = ["filter", "row", "column", "first", "last"].filter((name) => name in wanted).map((name) => [name, Number(wanted[name])]);
        enter(wanted.block, wanted.kernel || "3x3", { quantity: wanted.quantity || "h", region: wanted.region, ...Object.fromEntries(numbers) });
      } else if (wanted.view) openTab(wanted.view);
      if (wanted.view === "Experiments") emit("experiment", (state.experiment = wanted));
    }, 60);
  }

  on("rollout", (rollout) => {
    restore(rollout);
    write();
  });
  on("cursor", write);
  on("playing", write);
  document.addEventListener("click", ({ target }) => target instanceof Element && target.closest("#views [role='tab'], .overflow-dropdown button") && setTimeout(write, 100));
  lvln.noteMemory = (place) => {
    memory = { ...memory, ...place };
    write();
  };
  // values: { silence, run, and the arguments of that }; nothing silenced is left out.
  lvln.noteExperiments = ({ silence, ...values }) => {
    const short = ([name, value]) => [name, Number.isInteger(value) || name === "run" ? value : value.toFixed(3)];
    experiments = { ...(silence && { silence }), ...Object.fromEntries(Object.entries(values).map(short)) };
    write();
  };
  lvln.link = (values) => `#${new URLSearchParams(/** @type {any} */ (values))}`;
  // A link within the page, or one that somebody pastes over its address.
  addEventListener("hashchange", () => {
    const values = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    if (!values.clip) return;
    wanted = values;
    restored = false;
    lvln.busy("Predicting");
    lvln.send("follow", { link: location.hash });
    document.getElementById("view-stage").scrollIntoView({ block: "start" });
  });
  lvln.address = () => {
    const hash = address();
    return hash && location.origin + location.pathname + location.search + hash;
  };
})();
