// Beneath the time line: a link to what is on show, and files of it to keep.
lvln.share = (root) => {
  const { state, call, address, picture } = lvln;
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

  root.querySelectorAll("[data-kind]").forEach((button) =>
    button.addEventListener("click", async () => {
      if (!state.rollout) return;
      tell("Making the file…");
      try {
        const { url, name, error } = await call("download", state.rollout.key, button.dataset.kind);
        if (error) throw new Error(error);
        keep(url, name);
      } catch (error) {
        tell(error.message || String(error), true);
      }
    })
  );

  // The view that is open, as it stands.
  root.querySelector(".snap").addEventListener("click", async () => {
    const open = [...document.querySelectorAll("#views .lvln")].find(lvln.visible);
    if (!open || !state.rollout) return tell("This view has no picture.", true);
    tell("Drawing the view…");
    try {
      const canvas = await picture.compose(open);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
      const url = URL.createObjectURL(blob);
      keep(url, `${state.rollout.model}-${open.classList[0]}.png`);
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch (error) {
      tell(error.message || String(error), true);
    }
  });
};
