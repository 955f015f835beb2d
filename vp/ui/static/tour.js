// A short tour: five places of the page, one clip, in the order in which they explain each other.
lvln.tour = (() => {
  const { state, element, openTab, play, setCursor } = lvln;
  const STEPS = [
    {
      at: "#view-stage .panels",
      title: "A network guesses the next frames",
      text: "It has seen the frames marked grey. The orange ones are its guesses, beside what really happened and beside the last frame, simply repeated.",
      go: () => play(true),
    },
    {
      at: "#view-stage .headline",
      title: "Is it any good?",
      text: "Repeating the last frame is the bar that video prediction papers fail at. The number says how far above or below it this guess is.",
      go: () => {
        play(false);
        setCursor(state.rollout?.seen ?? 0);
      },
    },
    {
      at: "#view-ladder .board",
      title: "The whole network at work",
      text: "Down the left it looks at the frame, ever more coarsely. Across, twelve memories keep what moved. Up the right it draws the next frame. Drag the time line and watch.",
      go: () => openTab("Ladder"),
    },
    {
      at: "#view-experiments .silence",
      title: "What is each part for?",
      text: "Switch one off and see the prediction without it. Further down: wipe the memory, show it fewer frames, ask where it looks.",
      go: () => openTab("Experiments"),
    },
    {
      at: "#sources",
      title: "Now with your own video",
      text: "Pick another clip, a drawn one or a real one of UCF101, upload one, or record a few seconds. Everything stays on the machine that runs this page.",
      go: () => openTab("Predict"),
    },
  ];
  let card = null;
  let place = 0;
  let before = null;

  function close() {
    document.querySelectorAll(".lvln-toured").forEach((target) => target.classList.remove("lvln-toured"));
    card?.remove();
    card = null;
    before?.focus();
  }

  // The view of a tab is there a moment after the tab was opened.
  async function find(selector) {
    for (let i = 0; i < 40; i += 1) {
      const target = document.querySelector(selector);
      if (target && target.offsetParent !== null && target.getBoundingClientRect().height > 0) return target;
      await new Promise((done) => setTimeout(done, 50));
    }
    return null;
  }

  async function show(step) {
    place = step;
    const { at, title, text, go } = STEPS[step];
    go();
    const mine = card;
    const target = await find(at);
    if (card !== mine || place !== step) return;
    document.querySelectorAll(".lvln-toured").forEach((other) => other.classList.remove("lvln-toured"));
    target?.classList.add("lvln-toured");
    target?.scrollIntoView({ block: "center", behavior: "auto" });
    card.querySelector("h3").textContent = title;
    card.querySelector("p").textContent = text;
    card.querySelector("small").textContent = `${step + 1} of ${STEPS.length}`;
    card.querySelector(".back").disabled = step === 0;
    card.querySelector(".next").textContent = step === STEPS.length - 1 ? "Done" : "Next";
    card.querySelector(".next").focus();
  }

  function start() {
    if (card) close();
    before = document.activeElement;
    card = element(`<div class="lvln lvln-tour" role="dialog" aria-label="tour"><h3></h3><p aria-live="polite"></p>
      <div><small></small><button type="button" class="close">Leave</button><button type="button" class="back">Back</button><button type="button" class="next">Next</button></div></div>`);
    document.body.append(card);
    card.querySelector(".close").addEventListener("click", close);
    card.querySelector(".back").addEventListener("click", () => show(place - 1));
    card.querySelector(".next").addEventListener("click", () => (place === STEPS.length - 1 ? close() : show(place + 1)));
    card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
    show(0);
  }
  return start;
})();
