// Beneath the time line: a link to what is on show, and files of it to keep.
lvln.share = (root) => {
  const { state, call, clicks, address, picture } = lvln;
  const said = root.querySelector(".said");
  const soon = lvln.later(6000);

  function tell(text, bad = false) {
    said.textContent = text;
    said.classList.toggle("bad", bad);
    soon(() => (said.textContent = ""));
  }

  root.querySelector(".link").addEventListener("click", async () => {
    const link = address();
    if (!link) return tell("A video of yours has no link: it stays on this machine.", true);
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      tell("Copied: it opens this clip, view and step.");
    } catch {
      tell("The link is in the address bar."); // the browser keeps its clipboard to itself
    }
  });

  function keep(href, name) {
    const anchor = document.createElement("a");
    anchor.href = href;
    anchor.download = name;
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
    tell("");
  }
  // Keeps the file, [href, name], that comes of some work; what goes wrong is said.
  async function make(saying, work) {
    tell(saying);
    try {
      const [href, name] = await work();
      keep(href, name);
    } catch (error) {
      tell(error.message || String(error), true);
    }
  }

  clicks(root.querySelectorAll("[data-kind]"), (button) => {
    if (!state.rollout) return;
    make("Making the file…", async () => {
      const { url, name, error } = await call("download", state.rollout.key, button.dataset.kind);
      if (error) throw new Error(error);
      return [url, name];
    });
  });

  // The view that is open, as it stands.
  root.querySelector(".snap").addEventListener("click", () => {
    const open = [...document.querySelectorAll("#views .lvln")].find(lvln.visible);
    if (!open || !state.rollout) return tell("This view has no picture.", true);
    make("Drawing the view…", async () => {
      const canvas = await picture.compose(open);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
      const url = URL.createObjectURL(blob);
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      return [url, `${state.rollout.model}-${open.classList[0]}.png`];
    });
  });
};
