// Words of the field, explained where they stand: on hover, on touch and by keyboard. vp/ui/views.py marks them too.
(() => {
  const WORDS = {
    memory: "Three ConvGRUs at one resolution, with kernels of 3×3, 5×5 and 7×7. What they hold is all that the network knows of earlier frames.",
    state: "What a memory holds: one map a filter, one number a place, from −1 to 1. It is handed on from frame to frame.",
    gate: "A number from 0 to 1 at every place. The update gate z says how much of the memory is replaced, the reset gate r how much of it is looked at for that.",
    candidate: "What a memory would like to hold next, from −1 to 1. The update gate decides how much of it is taken.",
    ladder: "The network's shape: down one side it looks at the frame ever more coarsely, up the other it builds the motion ever more finely; memories are the rungs.",
    warp: "Moving pixels: each new pixel is fetched from where the motion says that it was in the last frame.",
    flow: "Optical flow: where each pixel has moved between two frames. Tuned flow carries the last one on, with caution that training clips taught, and learns nothing else.",
  };
  lvln.word = (name, text = name) => `<span class="word" tabindex="0" role="button" data-word="${name}">${text}</span>`;

  let tip = null;
  let of = null;

  function hide() {
    tip?.remove();
    of?.removeAttribute("aria-describedby");
    tip = of = null;
  }

  function show(word) {
    if (of === word) return;
    hide();
    of = word;
    tip = lvln.element(`<div class="lvln lvln-tip" role="tooltip" id="lvln-tip"><b>${lvln.escape(word.dataset.word)}</b> ${WORDS[word.dataset.word]}</div>`);
    document.body.append(tip);
    word.setAttribute("aria-describedby", "lvln-tip");
    const [at, size] = [word.getBoundingClientRect(), tip.getBoundingClientRect()];
    tip.style.left = `${Math.max(8, Math.min(innerWidth - size.width - 8, at.left))}px`;
    tip.style.top = `${at.bottom + size.height + 10 < innerHeight ? at.bottom + 6 : Math.max(8, at.top - size.height - 6)}px`;
  }
  const word = ({ target }) => (target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(".word")) : null);
  for (const kind of ["pointerover", "focusin", "click"]) {
    document.addEventListener(kind, (event) => {
      const found = word(event);
      if (found) show(found);
      else if (kind !== "focusin" || of) hide();
    });
  }
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
