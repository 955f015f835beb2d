// The moving circle: set off by hand; vp/moving_circle.py says where it goes from there.
lvln.views.circle = (root) => {
  const { call, send, busy, calm, clamp, drag, keys, later, arrow, visible } = lvln;
  const canvas = root.querySelector("canvas");
  const context = canvas.getContext("2d");
  const [size, colour] = root.querySelectorAll("input");
  const note = root.querySelector(".note");
  const FASTEST = 40;
  const REACH = 4; // pixels that the arrow is long for one pixel of speed
  let [angle, speed] = [20, 12];
  let dragged = false;
  let path = []; // of its middle, ten places a second
  let began = 0;
  const soon = later(150);

  function paint(now = 0) {
    const turn = (angle * Math.PI) / 180;
    const moving = !calm.matches && !dragged && path.length;
    const [x, y] = moving ? path[Math.floor(Math.max(0, now - began) / 100) % path.length] : [160, 120];
    context.fillStyle = "rgb(13 15 19)";
    context.fillRect(0, 0, 320, 240);
    context.fillStyle = colour.value;
    context.beginPath();
    context.arc(x, y, Number(size.value), 0, 7);
    context.fill();
    const end = [160 + speed * REACH * Math.cos(turn), 120 + speed * REACH * Math.sin(turn)];
    arrow(context, lvln.flow.ARROWS.wanted, [160, 120], end, () => 6);
  }

  const id = () => `circle:${(((angle + 540) % 360) - 180).toFixed(1)},${speed.toFixed(1)},${Number(size.value)},${colour.value.slice(1)}`;

  function tell() {
    note.textContent = `${speed.toFixed(0)} pixels a frame, ${Math.round((angle % 360) + 360) % 360}° clockwise from right`;
    canvas.setAttribute("aria-valuenow", Math.round(speed));
    canvas.setAttribute("aria-valuetext", note.textContent);
    path = [];
    soon(async () => {
      if (dragged || !visible(root)) return;
      const asked = id();
      const answer = await call("circle_path", asked);
      if (asked !== id()) return;
      [path, began] = [answer.path || [], performance.now()];
      paint(began);
    });
    paint();
  }

  drag(canvas, ([down, across], phase) => {
    dragged = phase !== "end";
    const [dx, dy] = [across * 320 - 160, down * 240 - 120];
    speed = Math.min(FASTEST, Math.hypot(dx, dy) / REACH);
    angle = (Math.atan2(dy, dx) * 180) / Math.PI;
    if (phase === "begin") canvas.focus();
    tell();
  });
  keys(canvas, { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 2], ArrowDown: [0, -2] }, ([turn, faster]) => {
    angle += turn;
    speed = clamp(speed + faster, 0, FASTEST);
    tell();
  });
  size.addEventListener("input", tell);
  colour.addEventListener("input", () => paint());
  root.querySelector(".go").addEventListener("click", () => {
    busy("Predicting your circle");
    send("pick", { id: id() });
  });

  // It moves only while somebody can see it.
  let ticking = false;

  function tick(now) {
    ticking = visible(root) && !calm.matches;
    if (ticking) {
      paint(now);
      setTimeout(() => requestAnimationFrame(tick), 70);
    }
  }
  new IntersectionObserver(() => {
    tell();
    if (!ticking) requestAnimationFrame(tick);
  }).observe(root);
};
