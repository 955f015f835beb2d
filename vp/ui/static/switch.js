// All views side by side, on a phone.
lvln.views.switch = (root) => {
  const buttons = [...root.querySelectorAll("button")];
  const mark = () => {
    const open = lvln.openedTab();
    buttons.forEach((button) => button.setAttribute("aria-current", button.textContent === open));
  };
  lvln.clicks(buttons, (button) => lvln.openTab(button.textContent));
  new MutationObserver(mark).observe(document.querySelector("#main"), { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  mark();
};
