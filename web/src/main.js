// Read the scenes out of the page and show one viewer for each.
import { decode } from "./geometry.js";
import { Viewer } from "./viewer.js";

const CONTROLS = ["checkbox", "button"];

function restore(layer) {
  const arrays = { vertices: Float32Array, centers: Float32Array, colors: Uint8Array, spans: Int32Array };
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

function start() {
  const { scenes } = JSON.parse(document.getElementById("scenes").textContent);
  const stage = document.getElementById("stage");
  stage.style.setProperty("--columns", Math.min(scenes.length, 3));
  const viewers = scenes.map((scene) => {
    scene.layers.forEach(restore);
    const parent = document.createElement("main");
    stage.append(parent);
    return new Viewer(scene, parent);
  });
  Viewer.active = viewers[0];
  document.addEventListener("keydown", (event) => {
    if (event.target.type === "range" && event.key === " ") event.target.blur();
    if (CONTROLS.includes(event.target.type) && event.key === " ") return; // the browser toggles or presses it
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (Viewer.active.key(event.key)) event.preventDefault();
  });
  window.pyrnn = { viewers };
}

try {
  start();
} catch (error) {
  document.getElementById("stage").textContent = `This scene needs WebGL, which this browser could not start: ${error.message}`;
  throw error;
}
