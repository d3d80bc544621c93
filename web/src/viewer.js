// One scene in one element of the page: three.js picture, legend, check-boxes, time slider, cards.
import { AmbientLight, Color, DirectionalLight, Group, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { Axes, toScreen } from "./axes.js";
import { ballMesh, mostAtOnce, showBalls } from "./balls.js";
import { fillCard } from "./card.js";
import { curveParts, showUpTo } from "./curves.js";
import { ANGLE, placeFor, VIEWS } from "./look.js";
import { buildPanel } from "./panel.js";
import { find } from "./pick.js";
import { snapshot } from "./snapshot.js";
import { styleColor, watchContext } from "./surroundings.js";

const CLICK = 5; // pixels the pointer may move during a click
const TAP = 12; // pixels a finger may move during a tap
const DRAWER = [600, 380]; // width and height below which controls are in a drawer
const INK = [0x1f, 0x23, 0x28]; // color of what is drawn as text is, which a dark page changes
const PANEL = [120, 200]; // pixels kept free for the panel, in wide and in narrow pages
const NARROW = 1000;
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
      layer.ink = ink;
      if (layer.kind === "balls") showBalls(layer, this.step);
      else paintAll(layer.body.geometry.getAttribute("color"), ink);
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

  addLayer(data) {
    const layer = (this.layers[data.key] = { ...data, group: new Group() });
    layer.group.visible = layer.visible;
    layer.isInk = layer.colors.every((channel, i) => channel === INK[i % 3]);
    if (layer.kind === "balls") {
      layer.body = ballMesh(mostAtOnce(layer));
      showBalls(layer, this.step);
      layer.group.add(layer.body);
    } else layer.group.add(...curveParts(layer, this.data));
    (layer.timed ? this.scene : this.front).add(layer.group);
  }

  setStep(step) {
    this.step = Math.max(0, Math.min(step, this.data.nSteps - 1));
    for (const layer of Object.values(this.layers)) {
      if (layer.timed) showUpTo(layer, this.step, this.data);
      if (layer.spans) showBalls(layer, this.step);
    }
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
    const aspect = this.camera.aspect * (1 - this.left / this.parent.clientWidth);
    const { focus, toward, distance } = placeFor(view, this.data, aspect);
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

function paintAll(colors, { r, g, b }) {
  for (let i = 0; i < colors.count; i++) colors.setXYZ(i, r, g, b);
  colors.needsUpdate = true;
}
