// The way in: five scenes that do something and end where a visitor can go on alone. It can be left at any moment.
lvln.tour = (() => {
  const { state, element, openTab, play, goTo, enter, word } = lvln;
  const view = (selector) => document.querySelector(selector);
  const scenes = [
    {
      at: "#view-stage .panels",
      title: "It predicts",
      text: "It sees the grey frames and guesses the orange ones. Beside them: what really came, and the bar to beat, the last frame repeated. Stop it, and drag along the frames.",
      go() {
        goTo(Math.max(0, state.rollout.seen - 2));
        play(true);
      },
    },
    {
      at: "#view-experiments .silence",
      ready: "#view-experiments .silence .verdict",
      title: "Silence C1 and motion stops",
      text: `C1 is its finest ${word("memory")}. Now it is silenced: the lower row moves less or not at all, and the number says what that costs. Try another part.`,
      async go() {
        play(false);
        openTab("Experiments");
        const part = await find("#view-experiments [data-part='C1']");
        if (part?.getAttribute("aria-pressed") !== "true") part?.click();
      },
    },
    {
      at: "#view-experiments .memory_reset",
      ready: "#view-experiments .memory_reset svg",
      title: "Wipe the memory and watch it come back",
      text: `In the middle of the clip every ${word("state")} was set to zero. The dashed line drops, and catches up as new frames come. Click another frame to wipe before it.`,
      async go() {
        play(false);
        openTab("Experiments");
        (await find("#view-experiments .memory_reset .go"))?.click();
      },
    },
    {
      at: "#view-memory .closer",
      ready: "#view-memory .number .sum",
      title: "Follow one number",
      text: `Each pixel of a filter is one number of its ${word("state")}. Two ${word("gate", "gates")} and a ${word("candidate")} make it, and each is a sum of pictures times kernels. Click on another place, or step along the frames.`,
      go() {
        goTo(state.rollout.seen - 1);
        enter("C1", "7x7", { quantity: "h" });
      },
    },
    {
      at: "#view-memory .answers",
      ready: "#view-memory .answers .loop",
      title: "Find what a filter answers to",
      text: "The moments of other clips at which this filter is largest, and the motion that it speaks for. A click on one leads there. Choose other filters, clips, your own video.",
      go() {
        play(false);
        if (!view("#view-memory .number .sum")) enter("C1", "7x7", { quantity: "h" });
        else openTab("Memory");
      },
    },
  ];
  let card = null;
  let place = 0;
  let before = null;

  const unmark = () => document.querySelectorAll(".lvln-toured").forEach((target) => target.classList.remove("lvln-toured"));

  function close() {
    unmark();
    card?.remove();
    card = null;
    before?.focus({ preventScroll: true });
  }

  // What is there in a moment, after its view was opened or its answer came; null if it does not come.
  async function find(selector, seconds = 2) {
    for (let i = 0; i < 20 * seconds; i += 1) {
      const target = view(selector);
      if (target && lvln.visible(target)) return target;
      await new Promise((done) => setTimeout(done, 50));
    }
    return null;
  }

  async function show(step) {
    place = step;
    const { at, ready = at, title, text, go } = scenes[step];
    const opened = card;
    const left = () => card !== opened || place !== step;
    card.querySelector("h3").textContent = title;
    card.querySelector("p").innerHTML = text;
    card.querySelector("small").textContent = `${step + 1} of ${scenes.length}`;
    card.querySelector(".back").disabled = step === 0;
    card.querySelector(".next").textContent = step === scenes.length - 1 ? "Done" : "Next";
    card.querySelector(".next").focus({ preventScroll: true });
    unmark();
    if (state.rollout) await go();
    const target = await find(at, 20);
    if (left()) return;
    const bring = () => target?.scrollIntoView({ block: "start", behavior: "auto" });
    target?.classList.add("lvln-toured");
    bring();
    await find(ready, 20);
    if (!left()) bring(); // what came has moved it
  }

  function start() {
    if (card) close();
    before = document.activeElement;
    card = element(`<div class="lvln lvln-tour" role="dialog" aria-label="tour"><h3></h3><p aria-live="polite"></p>
      <div><small></small><button type="button" class="close">Leave</button><button type="button" class="back">Back</button><button type="button" class="next">Next</button></div></div>`);
    document.body.append(card);
    card.querySelector(".close").addEventListener("click", close);
    card.querySelector(".back").addEventListener("click", () => show(place - 1));
    card.querySelector(".next").addEventListener("click", () => (place === scenes.length - 1 ? close() : show(place + 1)));
    show(0);
  }
  document.addEventListener("keydown", (event) => {
    if (!card) return;
    if (event.key === "Escape") close();
    else if (card.contains(document.activeElement) && event.key === "ArrowRight" && place < scenes.length - 1) show(place + 1);
    else if (card.contains(document.activeElement) && event.key === "ArrowLeft" && place) show(place - 1);
  });
  return start;
})();
