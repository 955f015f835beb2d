// Any view as a PNG: what is on the page is drawn again, boxes, texts, canvases and drawings, at twice the size.
function lvlnPicture() {
  const SCALE = 2;
  const PAD = 14;
  const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-family", "text-anchor"];

  const clear = (colour) => colour === "transparent" || /rgba\(.*, 0\)$/.test(colour);

  function box(context, node, rect) {
    const style = getComputedStyle(node);
    const width = parseFloat(style.borderTopWidth) || 0;
    context.beginPath();
    context.roundRect(rect.x, rect.y, rect.width, rect.height, Math.min(parseFloat(style.borderTopLeftRadius) || 0, rect.height / 2));
    if (!clear(style.backgroundColor)) {
      context.fillStyle = style.backgroundColor;
      context.fill();
    }
    if (width && style.borderTopStyle !== "none" && !clear(style.borderTopColor)) {
      context.strokeStyle = style.borderTopColor;
      context.lineWidth = width;
      context.stroke();
    }
  }

  // A text node, line by line as the browser broke it.
  function text(context, node, origin) {
    const style = getComputedStyle(node.parentElement);
    const range = document.createRange();
    const words = node.data;
    context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.textBaseline = "middle";
    let line = null;
    const put = () => line && context.fillText(line.text.trim(), line.x - origin.x, line.y - origin.y);
    for (let i = 0; i < words.length; i += 1) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const rect = range.getClientRects()[0];
      if (!rect || (!rect.width && !words[i].trim())) continue;
      const middle = rect.y + rect.height / 2;
      if (!line || Math.abs(middle - line.y) > rect.height / 2) {
        put();
        line = { text: "", x: rect.x, y: middle };
      }
      line.text += /\s/.test(words[i]) ? " " : words[i];
    }
    put();
  }

  // A drawing carries no style sheet into an image: what applies is written into it.
  async function drawing(context, node, rect) {
    const copy = node.cloneNode(true);
    const [originals, copies] = [[node, ...node.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
    originals.forEach((element, i) => {
      const style = getComputedStyle(element);
      for (const name of DRAWN) copies[i].style.setProperty(name, style.getPropertyValue(name));
      if (style.display === "none" || style.visibility === "hidden") copies[i].style.display = "none";
    });
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", rect.width);
    copy.setAttribute("height", rect.height);
    const image = await lvln.image(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`);
    context.drawImage(image, rect.x, rect.y, rect.width, rect.height);
  }

  async function paint(context, node, origin) {
    if (node.nodeType === Node.TEXT_NODE) return node.data.trim() && text(context, node, origin);
    if (node.nodeType !== Node.ELEMENT_NODE || !node.checkVisibility?.({ visibilityProperty: true, opacityProperty: true })) return;
    const whole = node.getBoundingClientRect();
    const rect = { x: whole.x - origin.x, y: whole.y - origin.y, width: whole.width, height: whole.height };
    if (rect.width < 2 && rect.height < 2) return;
    if (node.tagName === "CANVAS") {
      if (node.width && node.height) context.drawImage(node, rect.x, rect.y, rect.width, rect.height);
      return;
    }
    if (node.tagName === "svg") return drawing(context, node, rect);
    if (node.tagName === "INPUT") return; // a switch says nothing in a picture that its label does not
    box(context, node, rect);
    for (const child of node.childNodes) await paint(context, child, origin);
  }

  // A canvas with the view in it; throws where there is nothing to see.
  async function compose(root) {
    const whole = root.getBoundingClientRect();
    if (whole.width < 10 || whole.height < 10) throw new Error("This view is empty.");
    const canvas = document.createElement("canvas");
    // What is too tall for a canvas is drawn smaller.
    const scale = Math.min(SCALE, 12000 / (whole.height + 2 * PAD));
    canvas.width = Math.ceil((whole.width + 2 * PAD) * scale);
    canvas.height = Math.ceil((whole.height + 2 * PAD) * scale);
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    await paint(context, root, { x: whole.x - PAD, y: whole.y - PAD });
    return canvas;
  }

  return { compose };
}
lvln.picture = lvlnPicture();
