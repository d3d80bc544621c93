// What is under the pointer or the finger.
import { Raycaster, Vector2, Vector3 } from "three";
import { existsAt } from "./balls.js";

const FINGER = 16; // pixels around a point that a finger hits

/** The card of the fixed point, or else of the edge, under the pointer. */
export function find(viewer, event) {
  const bounds = viewer.canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
  const shown = Object.values(viewer.layers).filter((layer) => layer.group.visible && layer.cards.length);
  let best = null;
  for (const layer of shown.filter((each) => each.kind === "balls")) {
    for (let i = 0; i < layer.radii.length; i++) {
      if (!existsAt(layer, i, viewer.step)) continue;
      const [px, py, depth] = viewer.place(layer.key, i);
      const away = Math.hypot(px - bounds.left - x, py - bounds.top - y);
      const finger = event.pointerType === "touch" ? FINGER : 0;
      if (away < Math.max(finger, reach(viewer, layer, i)) && depth < (best?.depth ?? 1)) best = { depth, card: layer.cards[i] };
    }
  }
  return best?.card ?? findEdge(viewer, shown, x / bounds.width, y / bounds.height);
}

function findEdge(viewer, shown, x, y) {
  const ray = new Raycaster();
  ray.setFromCamera(new Vector2(2 * x - 1, 1 - 2 * y), viewer.camera);
  for (const layer of shown.filter((each) => each.kind === "curves")) {
    const [hit] = ray.intersectObject(layer.body);
    if (hit) return layer.cards[layer.body.geometry.userData.owners[hit.faceIndex]];
  }
  return null;
}

/** Radius in pixels within which a ball is hit. */
function reach(viewer, layer, index) {
  const away = new Vector3().fromArray(layer.centers, 3 * index).distanceTo(viewer.camera.position);
  const scale = viewer.canvas.clientHeight / (2 * Math.tan((viewer.camera.fov * Math.PI) / 360) * away);
  return Math.max(7, 1.15 * layer.radii[index] * scale);
}
