// Motion as vp/ui/payload.py packs it: read, in colours, as arrows, and a frame moved by it.
function lvlnFlow() {
  const { grey, painted, rgba, clamp } = lvln;

  // What draws an arrow, each stroke over the one before: [colour, width].
  const ARROWS = {
    onFrame: [["rgb(0 0 0 / 0.55)", 5], ["#fff", 2.2]],
    onColours: [["rgb(20 24 32 / 0.75)", 2]],
    alone: [["#000", 6], ["#ffd84d", 3]],
    wanted: [["#ff8f50", 3]],
  };

  // A field for each step: { h, w, right, down }, in pixels of the frame.
  async function read({ sprite, peak, size: [h, w] }, steps) {
    const { values, width } = await grey(sprite);
    const part = (t, top) => Float32Array.from({ length: h * w }, (_, i) => (peak * (values[(top + Math.floor(i / w)) * width + t * w + (i % w)] - 128)) / 127);
    return Array.from({ length: steps }, (_, t) => ({ h, w, right: part(t, 0), down: part(t, h) }));
  }

  // Hue is direction, red to the right; strength is speed, white at rest and full from `limit` on (Baker et al. 2007).
  function colour(right, down, limit) {
    const strength = Math.min(1, Math.hypot(right, down) / limit);
    const angle = (Math.atan2(down, right) / (2 * Math.PI) + 1) % 1;
    return [0, 4, 2].map((shift) => {
      const ramp = Math.max(0, Math.min(1, Math.abs(((angle * 6 + shift) % 6) - 3) - 1));
      return 255 * (1 - strength * (1 - ramp));
    });
  }

  // Where something goes, in words.
  const WAYS = ["to the right", "down to the right", "down", "down to the left", "to the left", "up to the left", "up", "up to the right"];
  const way = (right, down) => WAYS[Math.round((Math.atan2(down, right) / Math.PI) * 4 + 8) % 8];

  // A field in colours, a pixel for each of its places; drawn once.
  const colours = (field, limit) =>
    (field.coloured ||= painted(field.h, field.w, (i) => colour(field.right[i], field.down[i], limit)));

  // [x, y, right, down] in pixels of a frame `across` pixels wide, for about 14 places from left to right.
  function arrows({ h, w, right, down }, across) {
    const stride = Math.ceil(w / 14);
    const cell = across / w;
    const places = [];
    for (let y = stride >> 1; y < h; y += stride) {
      // Pixels and cells count from their middle.
      for (let x = stride >> 1; x < w; x += stride) places.push([(x + 0.5) * cell - 0.5, (y + 0.5) * cell - 0.5, right[y * w + x], down[y * w + x]]);
    }
    return places;
  }

  // The value of a map between its places, beyond the border as on it.
  function between(values, h, w, y, x) {
    [y, x] = [clamp(y, 0, h - 1), clamp(x, 0, w - 1)];
    const [y0, x0] = [Math.floor(y), Math.floor(x)];
    const [y1, x1] = [Math.min(h - 1, y0 + 1), Math.min(w - 1, x0 + 1)];
    const at = (row, column) => values[row * w + column];
    const line = (row) => at(row, x0) + (x - x0) * (at(row, x1) - at(row, x0));
    return line(y0) + (y - y0) * (line(y1) - line(y0));
  }

  // A colour of a picture, four numbers a pixel, between its pixels: by the cubic of PyTorch's `grid_sample` (Keys 1981,
  // a = -0.75), which blurs less.
  const A = -0.75;
  const near = (t) => ((A + 2) * t - (A + 3)) * t * t + 1;
  const far = (t) => ((A * t - 5 * A) * t + 8 * A) * t - 4 * A;
  const cubic = (t) => [far(1 + t), near(t), near(1 - t), far(2 - t)];

  function fetched(picture, h, w, y, x) {
    const [y0, x0] = [Math.floor(y), Math.floor(x)];
    const [down, across] = [cubic(y - y0), cubic(x - x0)];
    const sum = [0, 0, 0];
    for (let i = 0; i < 4; i += 1) {
      const row = clamp(y0 + i - 1, 0, h - 1) * w;
      for (let j = 0; j < 4; j += 1) {
        const at = 4 * (row + clamp(x0 + j - 1, 0, w - 1));
        for (let c = 0; c < 3; c += 1) sum[c] += down[i] * across[j] * picture[at + c];
      }
    }
    return sum;
  }

  // A frame moved by a field, which is enlarged twofold until it fits, as the network does it.
  function moved(frame, field) {
    const [h, w] = [frame.height, frame.width];
    while (field.w < w) {
      const { h: fh, w: fw } = field;
      const larger = (map) => Float32Array.from({ length: 4 * fh * fw }, (_, i) => between(map, fh, fw, Math.floor(i / (2 * fw)) / 2 - 0.25, (i % (2 * fw)) / 2 - 0.25));
      field = { h: 2 * fh, w: 2 * fw, right: larger(field.right), down: larger(field.down) };
    }
    const from = rgba(frame);
    return painted(h, w, (i) => fetched(from, h, w, Math.floor(i / w) - field.down[i], (i % w) - field.right[i]));
  }

  return { ARROWS, read, colour, colours, way, arrows, moved };
}
lvln.flow = lvlnFlow();
