// The gallery: clips as pictures, searchable; thumbnails come a page at a time.
lvln.views.gallery = (root) => {
  const { call, send, on, element, escape, busy } = lvln;
  const grid = root.querySelector(".grid");
  const more = root.querySelector(".more");
  const search = root.querySelector("input");
  const label = root.querySelector("select");
  const tools = root.querySelector(".tools");
  const status = root.querySelector(".status");
  let offset = 0;
  let asked = 0;

  function card(clip) {
    const button = element(`<button type="button" class="clip" data-id="${escape(clip.id)}" title="${escape(clip.about || clip.title)}">
      <img alt="" loading="lazy" src="${clip.thumbnail}"><span>${escape(clip.title)}</span></button>`);
    button.addEventListener("click", () => {
      busy(`Predicting ${clip.title}`);
      select(clip.id);
      send("pick", { id: clip.id });
    });
    return button;
  }
  function select(id) {
    grid.querySelectorAll(".clip").forEach((b) => b.classList.toggle("chosen", b.dataset.id === id));
  }

  async function load(reset) {
    const mine = ++asked;
    if (reset) offset = 0;
    status.textContent = "Loading clips…";
    try {
      const page = await call("list_clips", search.value, label.value, offset);
      if (mine !== asked) return;
      if (page.error) throw new Error(page.error);
      if (reset) grid.replaceChildren();
      grid.append(...page.clips.map(card));
      offset += page.clips.length;
      more.hidden = offset >= page.total;
      more.textContent = `More (${page.total - offset})`;
      tools.hidden = page.everything <= 24;
      status.textContent = page.total ? "" : "No clip matches. Try another word.";
      if (label.options.length <= 1) {
        label.append(...page.labels.map(([name, count]) => new Option(`${name} (${count})`, name)));
      }
      if (lvln.state.rollout) select(lvln.state.rollout.clip_id);
    } catch (error) {
      status.textContent = `The clips could not be listed: ${error.message || error}`;
    }
  }

  let wait = null;
  search.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => load(true), 200);
  });
  label.addEventListener("change", () => load(true));
  more.addEventListener("click", () => load(false));
  on("rollout", (rollout) => select(rollout.clip_id));
  load(true);
};
