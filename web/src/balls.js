// Balls: squares that face the camera and are shaded as spheres, so that thousands cost little.
import { Color, InstancedMesh, Matrix4, MeshPhongMaterial, PlaneGeometry, Quaternion, SRGBColorSpace, Vector3 } from "three";

const EDGE = 1.2; // half the side of a square, in radii: room for a smooth edge

const PLACE = `
  float radius = length(instanceMatrix[0].xyz);
  vec4 mvPosition = modelViewMatrix * instanceMatrix * vec4(0.0, 0.0, 0.0, 1.0);
  mvPosition.xy += radius * position.xy;
  gl_Position = projectionMatrix * mvPosition;
  vDisc = position.xy;
  vDepth = vec3(radius, projectionMatrix[2][2], projectionMatrix[3][2]);`;

const SHADE = `
  float far = length(vDisc);
  diffuseColor.a *= 1.0 - smoothstep(-0.5, 0.5, (far - 1.0) / fwidth(far));
  if (diffuseColor.a < 0.01) discard;
  vec3 normal = vec3(vDisc, sqrt(max(0.0, 1.0 - far * far)));
  vec3 nonPerturbedNormal = normal;
  float z = vDepth.x * normal.z - vViewPosition.z;
  gl_FragDepth = 0.5 - 0.5 * (vDepth.y + vDepth.z / z);`;

function ballMaterial(options) {
  const material = new MeshPhongMaterial({ shininess: 24, specular: 0x222222, alphaToCoverage: true, ...options });
  material.onBeforeCompile = (shader) => {
    const varyings = "varying vec2 vDisc;\nvarying vec3 vDepth;\n";
    shader.vertexShader = varyings + shader.vertexShader.replace("#include <project_vertex>", PLACE);
    shader.fragmentShader = varyings + shader.fragmentShader.replace("#include <normal_fragment_begin>", SHADE);
  };
  return material;
}

/** Room for `n` balls, which `setBall` places. */
export function ballMesh(n, options = {}) {
  const mesh = new InstancedMesh(new PlaneGeometry(2 * EDGE, 2 * EDGE), ballMaterial(options), n);
  mesh.frustumCulled = false; // what it holds moves
  return mesh;
}

export function setBall(mesh, index, center, radius) {
  const scale = new Vector3().setScalar(radius);
  mesh.setMatrixAt(index, new Matrix4().compose(center, new Quaternion(), scale));
  mesh.instanceMatrix.needsUpdate = true;
}

/** Show the balls of a layer that exist at a step. */
export function showBalls(layer, step) {
  let shown = 0;
  for (let i = 0; i < layer.radii.length; i++) {
    if (!existsAt(layer, i, step)) continue;
    setBall(layer.body, shown, new Vector3().fromArray(layer.centers, 3 * i), layer.radii[i]);
    const [r, g, b] = layer.colors.subarray(3 * i, 3 * i + 3);
    const color = layer.ink ?? new Color().setRGB(r / 255, g / 255, b / 255, SRGBColorSpace);
    layer.body.setColorAt(shown, color);
    shown += 1;
  }
  layer.body.count = shown;
  if (layer.body.instanceColor) layer.body.instanceColor.needsUpdate = true;
}

/** Whether a ball is shown at a step. */
export function existsAt(layer, index, step) {
  if (!layer.spans) return true;
  return layer.spans[2 * index] <= step && step <= layer.spans[2 * index + 1];
}

/** The largest number of balls that are shown at one step. */
export function mostAtOnce(layer) {
  const n = layer.radii.length;
  if (!layer.spans) return n;
  const firsts = new Set(Array.from({ length: n }, (_, i) => layer.spans[2 * i]));
  const counts = [...firsts].map((step) => {
    return Array.from({ length: n }, (_, i) => Number(existsAt(layer, i, step))).reduce((a, b) => a + b);
  });
  return Math.max(...counts);
}
