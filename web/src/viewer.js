// One scene in one element of the page: three.js picture, legend, check-boxes, time slider, cards.
import {
  AmbientLight, ConeGeometry, Color, DirectionalLight, DoubleSide, Group, InstancedMesh,
  LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshBasicMaterial, MeshPhongMaterial, PerspectiveCamera, Plane, Quaternion,
  Scene, SphereGeometry, SRGBColorSpace, Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { Axes, toScreen } from "./axes.js";
import { fillCard } from "./card.js";
import { existsAt, headsOf, lineGeometry, mostAtOnce, tubeGeometry } from "./geometry.js";
import { buildPanel } from "./panel.js";
import { find } from "./pick.js";
import { snapshot } from "./snapshot.js";
import { styleColor, watchContext } from "./surroundings.js";

const VIEWS = { iso: null, front: [0, 1, 0], side: [1, 0, 0], top: [0, -0.0001, 1] };
const ANGLE = 26; // vertical, in degrees
const CLICK = 5; // pixels the pointer may move during a click
const TAP = 12; // pixels a finger may move during a tap
const DRAWER = [600, 380]; // width and height below which controls are in a drawer
const ROUND = 20; // rings of a sphere
const COARSE = 4; // rings of a sphere among thousands
const FEW = 120; // spheres up to which all are round
const INK = [0x1f, 0x23, 0x28]; // color of what is drawn as text is, which a dark page changes
const PANEL = [120, 200]; // pixels kept free for the panel, in wide and in narrow pages
const NARROW = 1000;
const GHOST = 0.13;
const STEPS_PER_SECOND = 60;

export class Viewer {
  constructor(scene, parent) {
    this.data = scene;
    this.parent = parent;
    this.step = scene.nSteps - 1;
    this.layers = {};
    this.renderer = new WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
    this.renderer.autoClear = false; // what lies in front is drawn over the rest
    this.renderer.localClippingEnabled = true;
    this.canvas = this.renderer.domElement;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", scene.title || "scene in three dimensions");
    parent.append(this.canvas);
    this.scene = new Scene();
    this.front = new Scene(); // points and graph, which trajectories never hide
    this.camera = new PerspectiveCamera(ANGLE, 1, 0.01, 100);
    this.camera.up.set(0, 0, 1);
    this.axes = new Axes(scene.box, scene.labels, parent);
    this.axes.walls.flat().forEach((wall) => this.scene.add(wall));
    this.light();
    scene.layers.forEach((layer) => this.addLayer(layer));
    buildPanel(this);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.addEventListener("change", () => this.draw());
    this.listen();
    watchContext(this);
    this.resize();
    this.recolor();
    this.look("iso");
  }

  light() {
    const head = new DirectionalLight(0xffffff, 0.62 * Math.PI);
    head.position.set(0.25, 0.4, 1);
    this.camera.add(head);
    for (const scene of [this.scene, this.front]) scene.add(new AmbientLight(0xffffff, 0.42 * Math.PI));
  }

  /** Take the colors of ground, walls and ink from the style sheet, which may be light or dark. */
  recolor() {
    this.renderer.setClearColor(styleColor("--ground"));
    this.axes.material.color.set(styleColor("--rule"));
    const ink = new Color(styleColor("--ink"));
    for (const layer of Object.values(this.layers).filter((each) => each.isInk)) {
      const colors = layer.body.geometry.getAttribute("color");
      for (let i = 0; i < colors.count; i++) colors.setXYZ(i, ink.r, ink.g, ink.b);
      colors.needsUpdate = true;
    }
    this.draw();
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
    if (this.isNarrow) return 0;
    return Math.min(PANEL[Number(width < NARROW)], 0.3 * width);
  }

  /** Whether the controls are in a drawer, as on a phone. */
  get isNarrow() {
    return this.parent.clientWidth < DRAWER[0] || this.parent.clientHeight < DRAWER[1];
  }

  /** What labels must not run into, in pixels of this part of the page: panel at the left, card at the right. */
  get taken() {
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.side;
    const card = this.card.hidden || this.isNarrow ? null : this.card;
    return {
      panel: this.isNarrow ? { right: 0, bottom: 0 } : { right: offsetLeft + offsetWidth, bottom: offsetTop + offsetHeight },
      card: card ? { left: card.offsetLeft, bottom: card.offsetTop + card.offsetHeight } : { left: Infinity, bottom: 0 },
    };
  }

  addLayer(layer) {
    const group = new Group();
    group.visible = layer.visible;
    this.layers[layer.key] = { ...layer, group };
    if (layer.kind === "balls") group.add(this.balls(this.layers[layer.key]));
    else this.curves(this.layers[layer.key]).forEach((part) => group.add(part));
    (layer.timed ? this.scene : this.front).add(group);
  }

  /** Spheres; those of a layer that moves are drawn when the time is set. */
  balls(layer) {
    const material = new MeshPhongMaterial({ shininess: 24, specular: 0x222222 });
    const n = mostAtOnce(layer);
    const rings = Math.max(COARSE, Math.round(ROUND * Math.min(1, Math.sqrt(FEW / n))));
    layer.body = new InstancedMesh(new SphereGeometry(1, 2 * rings, rings), material, n);
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
      const transparent = opacity < 1 || Boolean(layer.fades);
      const style = { vertexColors: true, transparent, depthWrite: !transparent, opacity, clippingPlanes };
      if (lines) return new LineBasicMaterial(style);
      if (layer.timed) return new MeshBasicMaterial(style); // fine tubes would be dark if shaded
      return new MeshPhongMaterial({ ...style, side: DoubleSide, shininess: 12, specular: 0x151515 });
    };
    layer.isInk = layer.plain && INK.every((channel, i) => layer.colors[i] === channel);
    const Shape = lines ? LineSegments : Mesh;
    layer.body = new Shape(geometry, paint(layer.alpha));
    const parts = [layer.body];
    if (layer.heads) parts.push(this.heads(layer));
    if (layer.timed) {
      const later = geometry.clone();
      layer.ghost = new Shape(later, paint(GHOST));
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
    this.controls.minDistance = 0.02 * distance;
    this.controls.maxDistance = 4 * distance;
    this.camera.position.copy(focus).addScaledVector(toward, distance);
    this.controls.update();
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.parent;
    if (!width || !height) return;
    const sizes = { wide: width > 860, small: width <= 720 && !this.isNarrow, narrow: this.isNarrow };
    for (const [name, is] of Object.entries(sizes)) this.parent.classList.toggle(name, is);
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
    const away = this.camera.position.distanceTo(this.controls.target);
    this.camera.near = Math.max(away - 2 * this.size, away / 200);
    this.camera.far = away + 2 * this.size;
    this.camera.updateProjectionMatrix();
    this.camera.updateMatrixWorld(); // before the labels are placed
    this.axes.update(this.camera, this.parent.clientWidth, this.parent.clientHeight, this.taken);
    this.renderer.clear();
    for (const scene of [this.scene, this.front]) {
      scene.add(this.camera); // it carries the light
      this.renderer.render(scene, this.camera);
      this.renderer.clearDepth();
    }
    this.parent.dataset.drawn = "yes";
  }

  /** Open or close the drawer with the controls. */
  open(isOpen) {
    this.parent.classList.toggle("opened", isOpen);
    this.parent.querySelector(".drawer").setAttribute("aria-expanded", isOpen);
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
      const far = event.pointerType === "touch" ? TAP : CLICK;
      if (Math.hypot(event.clientX - x, event.clientY - y) < far) this.click(event);
    });
    for (const kind of ["pointerenter", "focusin"]) this.parent.addEventListener(kind, () => (window.pyrnn.active = this));
    this.parent.addEventListener("click", (event) => {
      if (event.detail && event.target.type !== "range") document.activeElement.blur(); // after a click, the space key plays
    });
  }

  key(name) {
    const views = Object.keys(VIEWS);
    if (views[Number(name) - 1]) this.look(views[Number(name) - 1]);
    else if (name === " " && this.slider) this.play(!this.playing);
    else if (name === "ArrowLeft" && this.slider) this.setStep(this.step - 1);
    else if (name === "ArrowRight" && this.slider) this.setStep(this.step + 1);
    else if (name === "p") snapshot(this);
    else if (name === "Escape") this.dismiss();
    else return false;
    return true;
  }

  hover(event) {
    const found = event.buttons ? null : find(this, event);
    this.tip.hidden = !found;
    this.canvas.style.cursor = found ? "pointer" : "grab";
    if (!found) return;
    const bounds = this.parent.getBoundingClientRect();
    this.tip.textContent = `${found.title} · ${found.detail}`;
    this.tip.style.left = `${event.clientX - bounds.left + 14}px`;
    this.tip.style.top = `${event.clientY - bounds.top + 12}px`;
  }

  click(event) {
    const found = find(this, event);
    this.dismiss();
    if (found) fillCard(this.card, found, () => this.dismiss());
    this.draw(); // labels make room for the card
  }

  /** Close card and drawer. */
  dismiss() {
    this.card.hidden = true;
    this.open(false);
    this.draw();
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
