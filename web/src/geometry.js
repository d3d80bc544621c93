// Meshes of tubes, arrows and lines. Segments are in the order of time: the first indices of a mesh
// show the first steps.
import { BufferAttribute, BufferGeometry, Color, SRGBColorSpace, Vector3 } from "three";

const HEAD_LENGTH = 3.4; // in radii of the shaft
const HEAD_WIDTH = 2.6;

export function decode(text, Type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Type(bytes.buffer);
}

function linear(bytes) {
  const color = new Color();
  const table = Float32Array.from({ length: 256 }, (_, i) => {
    return color.setRGB(i / 255, 0, 0, SRGBColorSpace).r;
  });
  return Float32Array.from(bytes, (byte) => table[byte]);
}

/** One entry per segment: [first vertex, curve, time], sorted by time. */
function segmentsOf(layer) {
  const found = [];
  let start = 0;
  layer.lengths.forEach((length, curve) => {
    for (let i = 0; i + 1 < length; i++) found.push([start + i, curve, layer.timed ? i + 1 : 0]);
    start += length;
  });
  if (layer.timed) found.sort((a, b) => a[2] - b[2]);
  return found;
}

/** For every step t: how many indices show the steps up to t. */
function countsUpTo(segments, nSteps, width) {
  const counts = new Uint32Array(Math.max(nSteps, 1));
  for (const [, , time] of segments) counts[Math.min(time, counts.length - 1)] += width;
  for (let t = 1; t < counts.length; t++) counts[t] += counts[t - 1];
  return counts;
}

function vertexColor(layer, colors, vertex) {
  const at = layer.plain ? 0 : 3 * vertex;
  const color = [colors[at], colors[at + 1], colors[at + 2]];
  return layer.fades ? [...color, layer.fades[vertex] / 255] : color;
}

export function lineGeometry(layer, nSteps) {
  const segments = segmentsOf(layer);
  const index = new Uint32Array(2 * segments.length);
  segments.forEach(([vertex], i) => index.set([vertex, vertex + 1], 2 * i));
  const n = layer.vertices.length / 3;
  const bytes = linear(layer.colors);
  const width = layer.fades ? 4 : 3;
  const colors = new Float32Array(width * n);
  for (let v = 0; v < n; v++) colors.set(vertexColor(layer, bytes, v), width * v);
  return finish(layer.vertices, null, colors, index, countsUpTo(segments, nSteps, 2));
}

export function tubeGeometry(layer, nSteps, sides = 8) {
  const rings = sweep(layer, sides);
  const segments = segmentsOf(layer);
  const index = new Uint32Array(6 * sides * segments.length);
  const owners = new Uint32Array(2 * sides * segments.length); // curve of every triangle
  let at = 0;
  segments.forEach(([vertex, curve], s) => {
    owners.fill(curve, 2 * sides * s, 2 * sides * (s + 1));
    for (let k = 0; k < sides; k++) {
      const a = vertex * sides + k;
      const b = vertex * sides + ((k + 1) % sides);
      index.set([a, b, b + sides, a, b + sides, a + sides], at);
      at += 6;
    }
  });
  const { positions, normals, colors } = rings;
  const geometry = finish(positions, normals, colors, index, countsUpTo(segments, nSteps, 6 * sides));
  geometry.userData.owners = owners;
  return geometry;
}

function finish(positions, normals, colors, index, counts) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  if (normals) geometry.setAttribute("normal", new BufferAttribute(normals, 3));
  geometry.setAttribute("color", new BufferAttribute(colors, (3 * colors.length) / positions.length));
  geometry.setIndex(new BufferAttribute(index, 1));
  geometry.userData.counts = counts;
  return geometry;
}

/** Tubes around all curves, twisted as little as possible. */
function sweep(layer, sides) {
  const n = layer.vertices.length / 3;
  const positions = new Float32Array(3 * sides * n);
  const normals = new Float32Array(3 * sides * n);
  const width = layer.fades ? 4 : 3;
  const colors = new Float32Array(width * sides * n);
  const bytes = linear(layer.colors);
  let start = 0;
  layer.lengths.forEach((length, curve) => {
    const path = shaft(layer, start, length, curve);
    const frames = carry(path);
    frames.forEach(({ normal, binormal }, i) => {
      for (let k = 0; k < sides; k++) {
        const angle = (2 * Math.PI * k) / sides;
        const out = normal.clone().multiplyScalar(Math.cos(angle));
        out.addScaledVector(binormal, Math.sin(angle));
        const at = 3 * ((start + i) * sides + k);
        out.toArray(normals, at);
        path[i].clone().addScaledVector(out, layer.radii[curve]).toArray(positions, at);
        colors.set(vertexColor(layer, bytes, start + i), (width * at) / 3);
      }
    });
    start += length;
  });
  return { positions, normals, colors };
}

/** The points of a curve; those inside of its arrow head are moved to the base of the head. */
function shaft(layer, start, length, curve) {
  const path = Array.from({ length }, (_, i) => {
    return new Vector3().fromArray(layer.vertices, 3 * (start + i));
  });
  if (!layer.heads) return path;
  const { base, tip } = headOf(path, layer.radii[curve]);
  const long = tip.distanceTo(base);
  return path.map((point) => (point.distanceTo(tip) < long ? base.clone() : point));
}

function headOf(path, radius) {
  const tip = path[path.length - 1];
  const direction = tip.clone().sub(path[path.length - 2]).normalize();
  return { tip, direction, base: tip.clone().addScaledVector(direction, -HEAD_LENGTH * radius) };
}

/** Arrow heads as {center, direction, length, width, color, curve}. */
export function headsOf(layer) {
  const colors = linear(layer.colors);
  let start = 0;
  return layer.lengths.map((length, curve) => {
    const path = [length - 2, length - 1].map((i) => {
      return new Vector3().fromArray(layer.vertices, 3 * (start + i));
    });
    const { tip, direction, base } = headOf(path, layer.radii[curve]);
    const color = new Color(...vertexColor(layer, colors, start + length - 1));
    start += length;
    const center = tip.clone().add(base).multiplyScalar(0.5);
    const radius = layer.radii[curve];
    return { center, direction, color, curve, length: HEAD_LENGTH * radius, width: HEAD_WIDTH * radius };
  });
}

/** A normal and a binormal at every point, carried along a curve. */
function carry(path) {
  let tangent = new Vector3(1, 0, 0);
  let normal = null;
  return path.map((point, i) => {
    const moved = path[Math.min(i + 1, path.length - 1)].clone().sub(path[Math.max(i - 1, 0)]);
    if (moved.lengthSq() > 1e-20) tangent = moved.normalize();
    normal = normal ? normal.clone().addScaledVector(tangent, -normal.dot(tangent)) : anyNormal(tangent);
    if (normal.lengthSq() < 1e-12) normal = anyNormal(tangent);
    normal.normalize();
    return { normal, binormal: new Vector3().crossVectors(tangent, normal) };
  });
}

function anyNormal(tangent) {
  const sizes = tangent.toArray().map(Math.abs);
  const axis = new Vector3().setComponent(sizes.indexOf(Math.min(...sizes)), 1);
  return axis.cross(tangent).normalize();
}
