// The card of a clicked fixed point or edge: class, leading eigenvalues, spectrum.

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function fillCard(card, data, onClose) {
  card.replaceChildren();
  const head = element("header");
  head.append(element("b", "", data.title));
  const detail = element("span", "detail", data.detail);
  detail.style.setProperty("--mark", data.color);
  const close = element("button", "close", "×");
  close.title = "close (Esc)";
  close.type = "button";
  close.onclick = onClose;
  head.append(close);
  card.append(head, detail);
  for (const fact of data.facts) card.append(element("div", "fact", fact));
  if (data.eigenvalues.length) card.append(table(data.eigenvalues), spectrum(data.eigenvalues));
  card.hidden = false;
}

function table(eigenvalues) {
  const rows = element("table");
  const head = element("tr");
  head.append(element("th", "", "leading eigenvalues"), element("th", "", "|λ|"));
  rows.append(head);
  for (const [re, im] of eigenvalues.slice(0, 5)) {
    const row = element("tr", Math.hypot(re, im) > 1 ? "unstable" : "");
    row.append(element("td", "", complex(re, im)));
    row.append(element("td", "", Math.hypot(re, im).toFixed(3)));
    rows.append(row);
  }
  return rows;
}

export function complex(re, im) {
  return `${re < 0 ? "−" : ""}${Math.abs(re).toFixed(3)} ${im < 0 ? "−" : "+"} ${Math.abs(im).toFixed(3)} i`;
}

const SIZE = 240;

function spectrum(eigenvalues) {
  const reach = 1.08 * Math.max(1, ...eigenvalues.flatMap(([re, im]) => [Math.abs(re), Math.abs(im)]));
  const x = (re) => (SIZE / 2) * (1 + re / reach);
  const y = (im) => (SIZE / 2) * (1 - im / reach);
  const picture = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE + 18}`, class: "spectrum" });
  picture.append(
    svg("rect", { x: 0.5, y: 0.5, width: SIZE - 1, height: SIZE - 1 }),
    svg("line", { x1: 0, x2: SIZE, y1: y(0), y2: y(0) }),
    svg("line", { x1: x(0), x2: x(0), y1: 0, y2: SIZE }),
    svg("circle", { cx: x(0), cy: y(0), r: SIZE / 2 / reach, fill: "none", stroke: "#8A94A0" }),
  );
  for (const [re, im] of [...eigenvalues].reverse()) {
    const grows = Math.hypot(re, im) > 1;
    const place = { cx: x(re).toFixed(2), cy: y(im).toFixed(2), r: grows ? 4.5 : 3.2 };
    picture.append(svg("circle", { ...place, class: grows ? "grows" : "decays" }));
  }
  const label = svg("text", { x: SIZE / 2, y: SIZE + 14, "text-anchor": "middle" });
  label.textContent = "Re λ, with the unit circle";
  picture.append(label);
  return picture;
}

function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
