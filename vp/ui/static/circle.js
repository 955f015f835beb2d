// The moving circle: set off by hand, bounced as vp/circle.py bounces it.
lvln.views.circle = (root) => {
  const { send, busy } = lvln;
  const canvas = root.querySelector("canvas");
  const context = canvas.getContext("2d");
  const [size, colour] = root.querySelectorAll("input");
  const told = root.querySelector(".told");
  const FASTEST = 40;
  const REACH = 4; // pixels that the arrow is long for one pixel of speed
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let [angle, speed] = [20, 12];
  let [from, began] = [null, 0];

  const fold = (place, low, high) => {
    const room = high - low;
    return low + room - Math.abs(((((place - low) % (2 * room)) + 2 * room) % (2 * room)) - room);
  };

  function paint(now = 0) {
    const radius = Number(size.value);
    const turn = (angle * Math.PI) / 180;
    const moving = !calm.matches && from === null;
    const t = moving ? (((now - began) / 100) % 40) * speed : 0;
    const x = fold(160 + t * Math.cos(turn), radius, 320 - radius);
    const y = fold(120 + t * Math.sin(turn), radius, 240 - radius);
    context.fillStyle = "rgb(13 15 19)";
    context.fillRect(0, 0, 320, 240);
    context.fillStyle = colour.value;
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fill();
    const [ex, ey] = [160 + speed * REACH * Math.cos(turn), 120 + speed * REACH * Math.sin(turn)];
    context.strokeStyle = "#ff8f50";
    context.fillStyle = "#ff8f50";
    context.lineWidth = 3;
    context.beginPath();
    context.moveTo(160, 120);
    context.lineTo(ex, ey);
    context.stroke();
    context.beginPath();
    context.arc(ex, ey, 6, 0, 7);
    context.fill();
  }

  function tell() {
    told.textContent = `${speed.toFixed(0)} pixels a frame, ${((angle % 360) + 360).toFixed(0) % 360}° clockwise from right`;
    canvas.setAttribute("aria-valuenow", Math.round(speed));
    canvas.setAttribute("aria-valuetext", told.textContent);
    paint();
  }

  function aim(event) {
    const box = canvas.getBoundingClientRect();
    const dx = ((event.clientX - box.left) / box.width) * 320 - 160;
    const dy = ((event.clientY - box.top) / box.height) * 240 - 120;
    speed = Math.min(FASTEST, Math.hypot(dx, dy) / REACH);
    angle = (Math.atan2(dy, dx) * 180) / Math.PI;
    tell();
  }
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    canvas.focus();
    from = true;
    aim(event);
  });
  canvas.addEventListener("pointermove", (event) => from && aim(event));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      from = null;
      began = performance.now();
    });
  }
  canvas.addEventListener("keydown", (event) => {
    const change = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 2], ArrowDown: [0, -2] }[event.key];
    if (!change) return;
    event.preventDefault();
    angle += change[0];
    speed = Math.max(0, Math.min(FASTEST, speed + change[1]));
    tell();
  });
  size.addEventListener("input", () => paint());
  colour.addEventListener("input", () => paint());
  root.querySelector(".go").addEventListener("click", () => {
    const turn = ((angle + 540) % 360) - 180;
    busy("Predicting your circle");
    send("pick", { id: `circle:${turn.toFixed(1)},${speed.toFixed(1)},${Number(size.value)},${colour.value.slice(1)}` });
  });

  // It moves only while somebody can see it.
  let ticking = false;
  function tick(now) {
    ticking = root.offsetParent !== null && !calm.matches;
    if (ticking) {
      paint(now);
      setTimeout(() => requestAnimationFrame(tick), 70);
    }
  }
  new IntersectionObserver(() => ticking || requestAnimationFrame(tick)).observe(root);
  tell();
};
