// The gallery: shelves of clips, searchable. A shelf is listed when it is opened; pictures come as they scroll by.
lvln.views.gallery = (root) => {
  const { state, call, send, on, element, clicks, escape, apart, later, busy } = lvln;
  const find = (selector) => root.querySelector(selector);
  const [grid, tools, search, label, status, again] = [".grid", ".tools", "input", "select", ".status", ".again"].map(find);
  const tabs = [...root.querySelectorAll(".shelves button")];
  const more = element('<button type="button" class="more">More</button>');
  const pictures = new Map(); // by id
  let shelf = 0;
  let offset = 0;
  let asked = 0;
  let chosen = false; // whether the visitor chose the shelf
  let coming = null; // the clip that was asked for: { id, title }

  // -- clips -----------------------------------------------------------------------------------------------------
  function card(clip) {
    const marks = `${clip.trained_on ? '<i class="seen">seen in training</i>' : ""}${clip.known ? '<i class="known" title="the classifier knows this action">✓</i>' : ""}`;
    // Which video and which piece of it, on a line of their own: a long class name would hide them.
    const [, title, piece] = clip.title.match(/^(.*?)( g\d+ c\d+)?$/);
    const button = element(`<button type="button" class="clip waiting" data-id="${escape(clip.id)}" title="${escape(clip.about || clip.title)}">
      <img alt="" hidden>${marks}<span>${escape(title)}${piece ? `<small>${piece}</small>` : ""}</span></button>`, () => pick(clip));
    if (pictures.has(clip.id)) fill(button, pictures.get(clip.id));
    else watcher.observe(button);
    return button;
  }

  function pick(clip) {
    coming = clip;
    busy(`${tabs[shelf].dataset.about ? "Fetching" : "Predicting"} ${clip.title}`);
    select(clip.id);
    send("pick", { id: clip.id });
  }

  function select(id) {
    for (const button of grid.querySelectorAll(".clip")) {
      button.classList.toggle("chosen", button.dataset.id === id);
      button.style.removeProperty("--arrived");
    }
  }
  on("arrived", (share) => {
    if (!coming) return;
    const button = [...grid.querySelectorAll(".clip")].find((b) => b.dataset.id === coming.id);
    if (share < 1) button?.style.setProperty("--arrived", share);
    else button?.style.removeProperty("--arrived");
    busy(share < 1 ? `Fetching ${coming.title}, ${Math.round(100 * share)} %` : `Predicting ${coming.title}`);
  });
  on("busy", (message) => {
    if (message) return;
    coming = null;
    select(state.rollout?.clip_id); // a clip that did not come is not the one on show
  });

  // -- pictures, as they scroll by ---------------------------------------------------------------------------------
  let wanted = [];
  const soon = later(40);
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      wanted.push(target);
    }
    soon(look);
  }, { root: grid, rootMargin: "120px" });

  function look() {
    while (wanted.length) {
      const some = wanted.splice(0, 8);
      call("thumbnails", some.map((button) => button.dataset.id)).then(
        (found) => some.forEach((button) => fill(button, found[button.dataset.id])),
        () => some.forEach((button) => fill(button, null)),
      );
    }
  }

  function fill(button, picture) {
    button.classList.remove("waiting");
    if (!picture) return;
    pictures.set(button.dataset.id, picture);
    Object.assign(button.querySelector("img"), { src: picture, hidden: false });
  }

  // -- the list ----------------------------------------------------------------------------------------------------
  async function load(reset) {
    const turn = ++asked;
    if (reset) offset = 0;
    more.disabled = true;
    again.hidden = true;
    const { about } = tabs[shelf].dataset;
    status.textContent = !reset ? "" : about ? "Asking the Hub for the list of clips…" : "Loading clips…";
    try {
      const page = await call("list_clips", shelf, search.value, label.value, offset);
      if (turn !== asked) return;
      if (page.error) throw new Error(page.error);
      if (reset) grid.replaceChildren();
      more.remove();
      grid.append(...page.clips.map(card));
      offset += page.clips.length;
      more.disabled = false;
      more.textContent = `More (${(page.total - offset).toLocaleString("en")})`;
      if (offset < page.total) {
        grid.append(more);
        end.observe(more);
      }
      tools.hidden = page.everything <= 24;
      find(".count").textContent = `${page.total.toLocaleString("en")} ${page.total === 1 ? "clip" : "clips"}`;
      find(".random").disabled = !page.total;
      status.textContent = page.total ? "" : "No clip matches. Try another word.";
      if (label.options.length <= 1) classes(page.labels);
      if (state.rollout) select(state.rollout.clip_id);
    } catch (error) {
      if (turn !== asked) return;
      status.textContent = error.message || `The clips could not be listed: ${error}`;
      again.hidden = false;
    }
  }
  // What the classifier knows comes first, as a group of its own.
  function classes(labels) {
    const option = ({ name, count }) => new Option(`${apart(name)} (${count})`, name);
    const [known, others] = [true, false].map((wanted) => labels.filter((l) => l.known === wanted).map(option));
    find(".legend").hidden = !known.length;
    if (!known.length) return label.append(...others);
    for (const [name, options] of Object.entries({ "The classifier knows": known, "Other actions": others }))
      if (options.length) label.append(element(`<optgroup label="${name}"></optgroup>`, null, ...options));
  }
  const end = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting || more.disabled) return;
    end.disconnect();
    load(false);
  }, { root: grid, rootMargin: "200px" });

  // -- shelves -----------------------------------------------------------------------------------------------------
  function open(number) {
    shelf = number;
    tabs.forEach((tab, i) => tab.setAttribute("aria-selected", i === number));
    const { about } = tabs[number].dataset;
    Object.assign(find(".about"), { textContent: about, hidden: !about });
    search.value = "";
    label.replaceChildren(label.options[0]);
    grid.replaceChildren();
    tools.hidden = true;
    find(".legend").hidden = true;
    load(true);
  }
  clicks(tabs, (_, i) => {
    chosen = true;
    if (i !== shelf || !again.hidden) open(i);
  });
  on("rollout", (rollout) => {
    // A link may lead to a clip of another shelf.
    const at = tabs.findLastIndex(({ dataset }) => (rollout.clip_id || "").startsWith(dataset.prefix));
    if (!chosen && rollout.clip_id && at > 0 && at !== shelf) open(at);
    select(rollout.clip_id);
  });

  const typed = later(200);
  search.addEventListener("input", () => typed(() => load(true)));
  label.addEventListener("change", () => load(true));
  more.addEventListener("click", () => load(false));
  again.addEventListener("click", () => load(true));
  find(".random").addEventListener("click", async () => {
    const clip = await call("random_clip", shelf, search.value, label.value);
    if (clip.error) status.textContent = clip.error;
    else pick(clip);
  });
  open(0);
};
