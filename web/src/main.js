// Read the scenes out of the page and show one viewer for each.
import { decode } from "./geometry.js";
import { followTheme } from "./surroundings.js";
import { Viewer } from "./viewer.js";

const CONTROLS = ["checkbox", "button"];

function restore(layer) {
  const arrays = { vertices: Float32Array, centers: Float32Array, colors: Uint8Array, fades: Uint8Array, spans: Int32Array };
  for (const [name, Type] of Object.entries(arrays)) {
    if (layer[name]) layer[name] = decode(layer[name], Type);
  }
  for (const card of layer.cards) {
    const parts = decode(card.eigenvalues, Float32Array);
    card.eigenvalues = Array.from({ length: parts.length / 2 }, (_, i) => [parts[2 * i], parts[2 * i + 1]]);
  }
  layer.cards = layer.cardOf.map((number) => layer.cards[number]);
  return layer;
}

const data = document.currentScript.previousElementSibling; // several pages may be pasted into one document
const stage = data.previousElementSibling;

function start() {
  const { scenes } = JSON.parse(data.textContent);
  stage.style.setProperty("--columns", Math.min(scenes.length, 3));
  const viewers = scenes.map((scene) => {
    scene.layers.forEach(restore);
    const parent = document.createElement("main");
    stage.append(parent);
    return new Viewer(scene, parent);
  });
  const isFirst = !window.pyrnn;
  window.pyrnn ??= { viewers: [], active: viewers[0] };
  window.pyrnn.viewers.push(...viewers);
  if (!isFirst) return;
  followTheme(() => window.pyrnn.viewers);
  document.addEventListener("keydown", (event) => {
    if (event.target.type === "range" && event.key === " ") event.target.blur();
    if (event.target.type === "range" && event.key.startsWith("Arrow")) return; // the browser moves it
    if (CONTROLS.includes(event.target.type) && event.key === " ") return; // the browser toggles or presses it
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (window.pyrnn.active.key(event.key)) event.preventDefault();
  });
}

try {
  start();
} catch (error) {
  stage.textContent = `This scene needs WebGL, which this browser could not start: ${error.message}`;
  throw error;
}
