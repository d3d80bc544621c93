// Read the scenes out of the page and show one viewer for each.
import { decode } from "./geometry.js";
import { Viewer } from "./viewer.js";

const CONTROLS = ["checkbox", "button"];

function restore(layer) {
  for (const [name, Type] of [["vertices", Float32Array], ["centers", Float32Array], ["colors", Uint8Array]]) {
    if (layer[name]) layer[name] = decode(layer[name], Type);
  }
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
