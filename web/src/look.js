// Where the camera stands: all of the box in the free part of the picture.
import { Vector3 } from "three";

export const VIEWS = { iso: null, front: [0, 1, 0], side: [1, 0, 0], top: [0, -0.0001, 1] };
export const ANGLE = 26; // of the camera, vertical, in degrees
const FILLED = 0.76; // share of the picture that the box fills

/** Return where to look and from how far: `{ focus, toward, distance }`. */
export function placeFor(view, scene, aspect) {
  const toward = new Vector3(...(VIEWS[view] ?? scene.iso)).normalize();
  const right = new Vector3().crossVectors(new Vector3(0, 0, 1), toward);
  if (right.lengthSq() < 1e-9) right.set(1, 0, 0);
  right.normalize();
  const above = new Vector3().crossVectors(toward, right);
  const [low, high] = scene.box;
  const focus = new Vector3().addVectors(new Vector3(...low), new Vector3(...high)).multiplyScalar(0.5);
  const slope = FILLED * Math.tan((ANGLE * Math.PI) / 360);
  let distance = 0;
  for (let round = 0; round < 8; round++) {
    const corners = Array.from({ length: 8 }, (_, i) => {
      const corner = new Vector3(...[0, 1, 2].map((axis) => ((i >> axis) & 1 ? high : low)[axis]));
      corner.sub(focus);
      return [corner.dot(right), corner.dot(above), corner.dot(toward)];
    });
    const need = ([x, y, z]) => z + Math.max(Math.abs(x) / aspect, Math.abs(y)) / slope;
    distance = Math.max(...corners.map(need));
    const centered = (axis) => {
      const seen = corners.map((corner) => corner[axis] / (distance - corner[2]));
      return ((Math.min(...seen) + Math.max(...seen)) / 2) * distance;
    };
    focus.addScaledVector(right, centered(0)).addScaledVector(above, centered(1));
  }
  return { focus, toward, distance };
}
