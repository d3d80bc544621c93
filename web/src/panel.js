// The controls of a scene: legend, check-boxes, views, time slider; and where cards and tips are shown.
import { element } from "./card.js";
import { snapshot } from "./snapshot.js";

const VIEWS = ["iso", "front", "side", "top"];
const INK_NAME = "#1F2328"; // of what is drawn in the color of text, which a dark page changes
const KEYS = "drag to rotate · wheel to zoom · click a fixed point or an edge · 1–4 views · space plays · ← → step · Tab to the check-boxes · p PNG · Esc closes the card";

/** Add legend, check-boxes, buttons, card, tip and time slider to a viewer. */
export function buildPanel(viewer) {
  const panel = element("aside");
  panel.setAttribute("aria-label", "layers and views");
  if (viewer.data.title) panel.append(element("h1", "", viewer.data.title));
  for (const [text, color] of viewer.data.legend) {
    const row = element("div", "entry", text);
    row.style.setProperty("--mark", color === INK_NAME ? "var(--ink)" : color);
    panel.append(row);
  }
  if (viewer.data.bar) panel.append(bar(viewer.data.bar));
  panel.append(element("hr"));
  viewer.boxes = {};
  for (const layer of [...viewer.data.layers, { key: "axes", visible: true }]) panel.append(box(viewer, layer));
  const buttons = element("div", "buttons");
  for (const view of VIEWS) buttons.append(button(view, () => viewer.look(view)));
  buttons.append(button("PNG", () => snapshot(viewer)));
  panel.append(buttons);
  viewer.card = element("section", "card");
  viewer.card.setAttribute("aria-live", "polite");
  viewer.card.hidden = true;
  viewer.tip = element("div", "tip");
  viewer.tip.hidden = true;
  viewer.side = panel;
  const drawer = button("☰", () => viewer.open(!viewer.parent.classList.contains("opened")));
  drawer.className = "drawer";
  drawer.setAttribute("aria-label", "layers and views");
  viewer.parent.append(drawer, panel, viewer.card, viewer.tip, element("footer", "", KEYS));
  if (viewer.data.nSteps > 1) viewer.parent.append(time(viewer));
}

function bar({ label, colors, low, high }) {
  const made = element("div", "bar", label);
  const ramp = element("i");
  ramp.style.background = `linear-gradient(to right, ${colors.join(",")})`;
  const ends = element("div", "ends");
  ends.append(element("span", "", low), element("span", "", high));
  made.append(ramp, ends);
  return made;
}

function box(viewer, { key, note, visible }) {
  const label = element("label");
  const tick = element("input");
  tick.type = "checkbox";
  tick.checked = visible;
  tick.dataset.layer = key;
  tick.onchange = () => viewer.toggle(key, tick.checked);
  viewer.boxes[key] = tick;
  label.append(tick, note ? `${key} (${note})` : key);
  return label;
}

function button(text, act) {
  const made = element("button", "", text);
  made.type = "button";
  made.onclick = act;
  return made;
}

function time(viewer) {
  const row = element("nav");
  viewer.player = button("▶", () => viewer.play(!viewer.playing));
  viewer.player.title = "play (space)";
  viewer.player.setAttribute("aria-label", "play or pause");
  viewer.slider = element("input");
  Object.assign(viewer.slider, { type: "range", min: 0, max: viewer.data.nSteps - 1, value: viewer.step });
  viewer.slider.setAttribute("aria-label", "time step");
  viewer.slider.oninput = () => viewer.setStep(Number(viewer.slider.value));
  viewer.clock = element("output", "", viewer.moment);
  row.append(viewer.player, viewer.slider, viewer.clock);
  return row;
}
