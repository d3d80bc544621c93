// Save what is seen, with legend and labels, as a PNG.

export function snapshot(viewer, save = download) {
  viewer.paint();
  const picture = document.createElement("canvas");
  const scale = viewer.renderer.getPixelRatio();
  picture.width = viewer.canvas.width;
  picture.height = viewer.canvas.height;
  const pen = picture.getContext("2d");
  pen.drawImage(viewer.canvas, 0, 0);
  pen.scale(scale, scale);
  const origin = viewer.parent.getBoundingClientRect();
  for (const text of viewer.parent.querySelectorAll("h1, .entry, .axis, .bar")) write(pen, text, origin);
  return save(picture.toDataURL("image/png"), viewer.data.title || "scene");
}

function write(pen, text, origin) {
  const box = text.getBoundingClientRect();
  if (text.hidden || !box.width) return;
  const style = getComputedStyle(text);
  const x = box.left - origin.left + parseFloat(style.paddingLeft);
  const y = box.top - origin.top + (text.className === "bar" ? 8 : box.height / 2);
  pen.font = style.font;
  pen.textBaseline = "middle";
  pen.fillStyle = style.color;
  pen.fillText(text.firstChild.textContent, x, y);
  const mark = text.style.getPropertyValue("--mark");
  if (!mark) return;
  pen.fillStyle = mark;
  pen.beginPath();
  pen.arc(x - 16, y, 6, 0, 2 * Math.PI);
  pen.fill();
}

function download(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.png`;
  link.click();
}
