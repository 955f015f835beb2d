// The theme button: what the system prefers, until somebody chooses.
lvln.views.header = (root) => {
  let saved = null;
  try {
    saved = localStorage.getItem("lvln-theme");
  } catch {
    // storage is forbidden: follow the system
  }
  const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  lvln.setTheme(saved || system);
  root.querySelector(".tour").addEventListener("click", lvln.tour);
  root.querySelector(".theme").addEventListener("click", () => lvln.setTheme(lvln.dark() ? "light" : "dark"));
};
