// Curves as lines or tubes, with arrow heads, and with what the time slider shows of them.
import {
  ConeGeometry, DoubleSide, InstancedMesh, LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshBasicMaterial,
  MeshPhongMaterial, Plane, Quaternion, Vector3,
} from "three";
import { ballMesh, setBall } from "./balls.js";
import { headsOf, lineGeometry, tubeGeometry } from "./geometry.js";

const GHOST = 0.13; // opacity of what is still to come
const DOT = 0.0058; // radius of the present state of a trial, as a share of the diagonal

/** The meshes of a layer; `scene` has the box and the number of steps. */
export function curveParts(layer, scene) {
  const lines = layer.radii.every((radius) => radius === 0);
  const geometry = lines ? lineGeometry(layer, scene.nSteps) : tubeGeometry(layer, scene.nSteps);
  const clippingPlanes = layer.clip ? sides(scene.box) : [];
  const paint = (opacity) => {
    const transparent = opacity < 1 || Boolean(layer.fades);
    const style = { vertexColors: true, transparent, depthWrite: !transparent, opacity, clippingPlanes };
    if (lines) return new LineBasicMaterial(style);
    if (layer.timed) return new MeshBasicMaterial(style); // fine tubes would be dark if shaded
    return new MeshPhongMaterial({ ...style, side: DoubleSide, shininess: 12, specular: 0x151515 });
  };
  const Shape = lines ? LineSegments : Mesh;
  layer.body = new Shape(geometry, paint(layer.alpha));
  const parts = [layer.body];
  if (layer.heads) parts.push(heads(layer));
  if (layer.timed) {
    layer.ghost = new Shape(geometry.clone(), paint(GHOST));
    layer.now = ballMesh(layer.lengths.length, { color: 0x5b6570, clippingPlanes });
    layer.ghost.visible = layer.now.visible = false;
    parts.push(layer.ghost, layer.now);
  }
  return parts;
}

/** Show the curves up to a step, a dot at the step, and a ghost of the rest. */
export function showUpTo(layer, step, scene) {
  const over = step >= scene.nSteps - 1;
  const { counts } = layer.body.geometry.userData;
  layer.body.geometry.setDrawRange(0, over ? Infinity : counts[step]);
  layer.ghost.visible = layer.now.visible = !over;
  const radius = DOT * new Vector3(...scene.box[1]).distanceTo(new Vector3(...scene.box[0]));
  let start = 0;
  layer.lengths.forEach((length, curve) => {
    const at = 3 * (start + Math.min(step, length - 1));
    setBall(layer.now, curve, new Vector3().fromArray(layer.vertices, at), radius);
    start += length;
  });
}

/** The planes of the box, facing inwards. */
function sides([low, high]) {
  return [0, 1, 2].flatMap((axis) => {
    const normal = new Vector3().setComponent(axis, 1);
    return [new Plane(normal, -low[axis]), new Plane(normal.clone().negate(), high[axis])];
  });
}

function heads(layer) {
  const found = headsOf(layer);
  const material = new MeshPhongMaterial({ shininess: 12, specular: 0x151515 });
  const mesh = new InstancedMesh(new ConeGeometry(1, 1, 16), material, found.length);
  found.forEach(({ center, direction, color, length, width }, i) => {
    const turn = new Quaternion().setFromUnitVectors(new Vector3(0, 1, 0), direction);
    mesh.setMatrixAt(i, new Matrix4().compose(center, turn, new Vector3(width, length, width)));
    mesh.setColorAt(i, color);
  });
  return mesh;
}
