// One scene in one element of the page: three.js picture, legend, check-boxes, time slider, cards.
import {
  AmbientLight, ConeGeometry, Color, DirectionalLight, DoubleSide, Group, InstancedMesh,
  LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshPhongMaterial, PerspectiveCamera, Plane, Quaternion,
  Raycaster, Scene, SphereGeometry, SRGBColorSpace, Vector2, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { Axes, toScreen } from "./axes.js";
import { element, fillCard } from "./card.js";
import { headsOf, lineGeometry, tubeGeometry } from "./geometry.js";
import { snapshot } from "./snapshot.js";

const VIEWS = { iso: null, front: [0, 1, 0], side: [1, 0, 0], top: [0, -0.0001, 1] };
const ANGLE = 26; // vertical, in degrees
const CLICK = 5; // pixels the pointer may move during a click
const PANEL = [120, 200]; // pixels kept free for the panel, in wide and in narrow pages
const NARROW = 1000;
const GHOST = 0.13;
const STEPS_PER_SECOND = 60;

/** Whether a sphere is shown at a step. */
function existsAt(layer, index, step) {
  if (!layer.spans) return true;
  return layer.spans[2 * index] <= step && step <= layer.spans[2 * index + 1];
}

/** The largest number of spheres that are shown at one step. */
function mostAtOnce(layer) {
  const n = layer.radii.length;
  if (!layer.spans) return n;
  const firsts = new Set(Array.from({ length: n }, (_, i) => layer.spans[2 * i]));
  const counts = [...firsts].map((step) => {
    return Array.from({ length: n }, (_, i) => Number(existsAt(layer, i, step))).reduce((a, b) => a + b);
  });
  return Math.max(...counts);
}

export class Viewer {
  constructor(scene, parent) {
    this.data = scene;
    this.parent = parent;
    this.step = scene.nSteps - 1;
    this.layers = {};
    this.renderer = new WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
    this.renderer.setClearColor(0xffffff);
    this.renderer.localClippingEnabled = true;
    this.canvas = this.renderer.domElement;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", scene.title || "scene in three dimensions");
    parent.append(this.canvas);
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(ANGLE, 1, 0.01, 100);
    this.camera.up.set(0, 0, 1);
    this.axes = new Axes(scene.box, scene.labels, parent);
    this.axes.walls.flat().forEach((wall) => this.scene.add(wall));
    this.light();
    scene.layers.forEach((layer) => this.addLayer(layer));
    this.panel();
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.addEventListener("change", () => this.draw());
    this.listen();
    this.resize();
    this.look("iso");
  }

  light() {
    const head = new DirectionalLight(0xffffff, 0.62 * Math.PI);
    head.position.set(0.25, 0.4, 1);
    this.camera.add(head);
    this.scene.add(this.camera, new AmbientLight(0xffffff, 0.42 * Math.PI));
  }

  /** What the slider says. */
  get moment() {
    return this.data.moments[this.step] ?? String(this.step);
  }

  get size() {
    return new Vector3(...this.data.box[1]).distanceTo(new Vector3(...this.data.box[0]));
  }

  /** Pixels kept free for the panel at the left. */
  get left() {
    const width = this.parent.clientWidth;
    return Math.min(PANEL[Number(width < NARROW)], 0.3 * width);
  }

  /** The lower right corner of the panel, in pixels of this part of the page. */
  get column() {
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.side;
    return { right: offsetLeft + offsetWidth, bottom: offsetTop + offsetHeight };
  }

  addLayer(layer) {
    const group = new Group();
    group.visible = layer.visible;
    this.layers[layer.key] = { ...layer, group };
    if (layer.kind === "balls") group.add(this.balls(this.layers[layer.key]));
    else this.curves(this.layers[layer.key]).forEach((part) => group.add(part));
    this.scene.add(group);
  }

  /** Spheres; those of a layer that moves are drawn when the time is set. */
  balls(layer) {
    const material = new MeshPhongMaterial({ shininess: 24, specular: 0x222222 });
    layer.body = new InstancedMesh(new SphereGeometry(1, 40, 24), material, mostAtOnce(layer));
    layer.body.frustumCulled = false; // what it holds moves
    this.setBalls(layer);
    return layer.body;
  }

  /** Draw the spheres that exist at the present step. */
  setBalls(layer) {
    let shown = 0;
    for (let i = 0; i < layer.radii.length; i++) {
      if (!existsAt(layer, i, this.step)) continue;
      const place = new Vector3().fromArray(layer.centers, 3 * i);
      const scale = new Vector3().setScalar(layer.radii[i]);
      layer.body.setMatrixAt(shown, new Matrix4().compose(place, new Quaternion(), scale));
      const [r, g, b] = layer.colors.subarray(3 * i, 3 * i + 3);
      layer.body.setColorAt(shown, new Color().setRGB(r / 255, g / 255, b / 255, SRGBColorSpace));
      shown += 1;
    }
    layer.body.count = shown;
    layer.body.instanceMatrix.needsUpdate = true;
    if (layer.body.instanceColor) layer.body.instanceColor.needsUpdate = true;
  }

  curves(layer) {
    const lines = layer.radii.every((radius) => radius === 0);
    const geometry = lines ? lineGeometry(layer, this.data.nSteps) : tubeGeometry(layer, this.data.nSteps);
    const paint = (opacity) => {
      const clippingPlanes = layer.clip ? this.sides() : [];
      const style = { vertexColors: true, transparent: opacity < 1, opacity, clippingPlanes };
      if (lines) return new LineBasicMaterial(style);
      return new MeshPhongMaterial({ ...style, side: DoubleSide, shininess: 12, specular: 0x151515 });
    };
    const Shape = lines ? LineSegments : Mesh;
    layer.body = new Shape(geometry, paint(layer.alpha));
    const parts = [layer.body];
    if (layer.heads) parts.push(this.heads(layer));
    if (layer.timed) {
      const later = geometry.clone();
      layer.ghost = new Shape(later, paint(GHOST));
      layer.ghost.material.depthWrite = false;
      layer.ghost.visible = false;
      layer.now = this.cursors(layer);
      parts.push(layer.ghost, layer.now);
    }
    return parts;
  }

  /** The planes of the box, facing inwards. */
  sides() {
    const [low, high] = this.data.box;
    return [0, 1, 2].flatMap((axis) => {
      const normal = new Vector3().setComponent(axis, 1);
      return [new Plane(normal, -low[axis]), new Plane(normal.clone().negate(), high[axis])];
    });
  }

  heads(layer) {
    const heads = headsOf(layer);
    const material = new MeshPhongMaterial({ shininess: 12, specular: 0x151515 });
    const mesh = new InstancedMesh(new ConeGeometry(1, 1, 16), material, heads.length);
    heads.forEach(({ center, direction, color, length, width }, i) => {
      const turn = new Quaternion().setFromUnitVectors(new Vector3(0, 1, 0), direction);
      mesh.setMatrixAt(i, new Matrix4().compose(center, turn, new Vector3(width, length, width)));
      mesh.setColorAt(i, color);
    });
    return mesh;
  }

  /** A dot for the present state of every trial. */
  cursors(layer) {
    const clippingPlanes = layer.clip ? this.sides() : [];
    const material = new MeshPhongMaterial({ color: 0x5b6570, clippingPlanes });
    const mesh = new InstancedMesh(new SphereGeometry(0.0058 * this.size, 16, 12), material, layer.lengths.length);
    mesh.frustumCulled = false;
    mesh.visible = false;
    return mesh;
  }

  setStep(step) {
    this.step = Math.max(0, Math.min(step, this.data.nSteps - 1));
    const over = this.step >= this.data.nSteps - 1;
    for (const layer of Object.values(this.layers).filter((each) => each.timed)) {
      const { counts } = layer.body.geometry.userData;
      layer.body.geometry.setDrawRange(0, over ? Infinity : counts[this.step]);
      layer.ghost.visible = layer.now.visible = !over;
      let start = 0;
      layer.lengths.forEach((length, curve) => {
        const at = 3 * (start + Math.min(this.step, length - 1));
        const place = layer.vertices.subarray(at, at + 3);
        layer.now.setMatrixAt(curve, new Matrix4().makeTranslation(place[0], place[1], place[2]));
        start += length;
      });
      layer.now.instanceMatrix.needsUpdate = true;
    }
    Object.values(this.layers).filter((each) => each.spans).forEach((layer) => this.setBalls(layer));
    if (this.slider) this.slider.value = this.step;
    if (this.clock) this.clock.textContent = this.moment;
    this.draw();
  }

  toggle(key, visible) {
    if (key === "axes") this.axes.visible = visible;
    else this.layers[key].group.visible = visible;
    this.boxes[key].checked = visible;
    this.draw();
  }

  /** Place the camera so that the box fills the picture. */
  look(view) {
    const toward = new Vector3(...(VIEWS[view] ?? this.data.iso)).normalize();
    const right = new Vector3().crossVectors(new Vector3(0, 0, 1), toward);
    if (right.lengthSq() < 1e-9) right.set(1, 0, 0);
    right.normalize();
    const above = new Vector3().crossVectors(toward, right);
    const [low, high] = this.data.box;
    const focus = new Vector3().addVectors(new Vector3(...low), new Vector3(...high)).multiplyScalar(0.5);
    const slope = 0.76 * Math.tan((ANGLE * Math.PI) / 360);
    let distance = 0;
    for (let round = 0; round < 8; round++) {
      const corners = Array.from({ length: 8 }, (_, i) => {
        const corner = new Vector3(...[0, 1, 2].map((axis) => ((i >> axis) & 1 ? high : low)[axis]));
        corner.sub(focus);
        return [corner.dot(right), corner.dot(above), corner.dot(toward)];
      });
      const aspect = this.camera.aspect * (1 - this.left / this.parent.clientWidth);
      const need = ([x, y, z]) => z + Math.max(Math.abs(x) / aspect, Math.abs(y)) / slope;
      distance = Math.max(...corners.map(need));
      const centered = (axis) => {
        const seen = corners.map((corner) => corner[axis] / (distance - corner[2]));
        return ((Math.min(...seen) + Math.max(...seen)) / 2) * distance;
      };
      focus.addScaledVector(right, centered(0)).addScaledVector(above, centered(1));
    }
    this.controls.target.copy(focus);
    this.camera.position.copy(focus).addScaledVector(toward, distance);
    this.camera.near = distance / 100;
    this.camera.far = distance * 20;
    this.camera.updateProjectionMatrix();
    this.controls.update();
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.parent;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.setViewOffset(width, height, -this.left / 2, 0, width, height);
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    this.camera.updateMatrixWorld(); // before the labels are placed
    this.axes.update(this.camera, this.parent.clientWidth, this.parent.clientHeight, this.column);
    this.renderer.render(this.scene, this.camera);
    this.parent.dataset.drawn = "yes";
  }

  panel() {
    const panel = element("aside");
    panel.setAttribute("aria-label", "layers and views");
    if (this.data.title) panel.append(element("h1", "", this.data.title));
    for (const [text, color] of this.data.legend) {
      const row = element("div", "entry", text);
      row.style.setProperty("--mark", color);
      panel.append(row);
    }
    if (this.data.bar) panel.append(this.bar(this.data.bar));
    panel.append(element("hr"));
    this.boxes = {};
    for (const layer of [...this.data.layers, { key: "axes", visible: true }]) panel.append(this.box(layer));
    const buttons = element("div", "buttons");
    for (const view of Object.keys(VIEWS)) buttons.append(this.button(view, () => this.look(view)));
    buttons.append(this.button("PNG", () => snapshot(this)));
    panel.append(buttons);
    this.card = element("section", "card");
    this.card.setAttribute("aria-live", "polite");
    this.card.hidden = true;
    this.tip = element("div", "tip");
    this.tip.hidden = true;
    const keys = "drag to rotate · wheel to zoom · click a fixed point or an edge · 1–4 views · space plays · Tab to the check-boxes · p PNG · Esc closes the card";
    this.side = panel;
    this.parent.append(panel, this.card, this.tip, element("footer", "", keys));
    if (this.data.nSteps > 1) this.parent.append(this.time());
  }

  bar({ label, colors, low, high }) {
    const bar = element("div", "bar", label);
    const ramp = element("i");
    ramp.style.background = `linear-gradient(to right, ${colors.join(",")})`;
    const ends = element("div", "ends");
    ends.append(element("span", "", low), element("span", "", high));
    bar.append(ramp, ends);
    return bar;
  }

  box({ key, note, visible }) {
    const label = element("label");
    const box = element("input");
    box.type = "checkbox";
    box.checked = visible;
    box.dataset.layer = key;
    box.onchange = () => this.toggle(key, box.checked);
    this.boxes[key] = box;
    label.append(box, note ? `${key} (${note})` : key);
    return label;
  }

  button(text, act) {
    const button = element("button", "", text);
    button.type = "button";
    button.onclick = act;
    return button;
  }

  time() {
    const bar = element("nav");
    this.player = this.button("▶", () => this.play(!this.playing));
    this.player.title = "play (space)";
    this.player.setAttribute("aria-label", "play or pause");
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", min: 0, max: this.data.nSteps - 1, value: this.step });
    this.slider.setAttribute("aria-label", "time step");
    this.slider.oninput = () => this.setStep(Number(this.slider.value));
    this.clock = element("output", "", this.moment);
    bar.append(this.player, this.slider, this.clock);
    return bar;
  }

  play(on) {
    this.playing = on;
    this.player.textContent = on ? "⏸" : "▶";
    if (!on) return;
    const first = this.step >= this.data.nSteps - 1 ? 0 : this.step;
    const began = performance.now();
    const advance = (now) => {
      if (!this.playing) return;
      this.setStep(first + Math.floor(((now - began) / 1000) * STEPS_PER_SECOND));
      if (this.step >= this.data.nSteps - 1) this.play(false);
      else requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
  }

  listen() {
    new ResizeObserver(() => this.resize()).observe(this.parent);
    this.canvas.addEventListener("pointerdown", (event) => (this.pressed = [event.clientX, event.clientY]));
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("pointerup", (event) => {
      const [x, y] = this.pressed ?? [Infinity, Infinity];
      if (Math.hypot(event.clientX - x, event.clientY - y) < CLICK) this.click(event);
    });
    for (const kind of ["pointerenter", "focusin"]) this.parent.addEventListener(kind, () => (Viewer.active = this));
    this.parent.addEventListener("click", (event) => {
      if (event.detail && event.target.type !== "range") document.activeElement.blur(); // after a click, the space key plays
    });
  }

  key(name) {
    const views = Object.keys(VIEWS);
    if (views[Number(name) - 1]) this.look(views[Number(name) - 1]);
    else if (name === " " && this.slider) this.play(!this.playing);
    else if (name === "p") snapshot(this);
    else if (name === "Escape") this.card.hidden = true;
    else return false;
    return true;
  }

  hover(event) {
    const found = event.buttons ? null : this.find(event);
    this.tip.hidden = !found;
    this.canvas.style.cursor = found ? "pointer" : "grab";
    if (!found) return;
    const bounds = this.parent.getBoundingClientRect();
    this.tip.textContent = `${found.title} · ${found.detail}`;
    this.tip.style.left = `${event.clientX - bounds.left + 14}px`;
    this.tip.style.top = `${event.clientY - bounds.top + 12}px`;
  }

  click(event) {
    const found = this.find(event);
    if (found) fillCard(this.card, found, () => (this.card.hidden = true));
    else this.card.hidden = true;
  }

  /** The card of the fixed point, or else of the edge, under the pointer. */
  find(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const shown = Object.values(this.layers).filter((layer) => layer.group.visible && layer.cards.length);
    let best = null;
    for (const layer of shown.filter((each) => each.kind === "balls")) {
      for (let i = 0; i < layer.radii.length; i++) {
        if (!existsAt(layer, i, this.step)) continue;
        const [px, py, depth] = this.place(layer.key, i);
        const away = Math.hypot(px - bounds.left - x, py - bounds.top - y);
        if (away < this.reach(layer, i) && depth < (best?.depth ?? 1)) best = { depth, card: layer.cards[i] };
      }
    }
    return best?.card ?? this.findEdge(shown, x / bounds.width, y / bounds.height);
  }

  findEdge(shown, x, y) {
    const ray = new Raycaster();
    ray.setFromCamera(new Vector2(2 * x - 1, 1 - 2 * y), this.camera);
    for (const layer of shown.filter((each) => each.kind === "curves")) {
      const [hit] = ray.intersectObject(layer.body);
      if (hit) return layer.cards[layer.body.geometry.userData.owners[hit.faceIndex]];
    }
    return null;
  }

  /** Radius in pixels within which a ball is hit. */
  reach(layer, index) {
    const away = new Vector3().fromArray(layer.centers, 3 * index).distanceTo(this.camera.position);
    const scale = this.canvas.clientHeight / (2 * Math.tan((ANGLE * Math.PI) / 360) * away);
    return Math.max(7, 1.15 * layer.radii[index] * scale);
  }

  /** Where on the page the middle of a ball or curve is: [x, y, depth]. */
  place(key, index) {
    const layer = this.layers[key];
    const bounds = this.canvas.getBoundingClientRect();
    let point = layer.centers && new Vector3().fromArray(layer.centers, 3 * index);
    if (!point) {
      const before = layer.lengths.slice(0, index).reduce((a, b) => a + b, 0);
      point = new Vector3().fromArray(layer.vertices, 3 * (before + Math.floor(layer.lengths[index] / 2)));
    }
    const [x, y, depth] = toScreen(point, this.camera, bounds.width, bounds.height);
    return [x + bounds.left, y + bounds.top, depth];
  }
}
