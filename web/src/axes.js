// The box of the axes: the walls behind the scene, and the name of each axis outside of them.
import { BufferGeometry, Float32BufferAttribute, LineBasicMaterial, LineSegments, Vector3 } from "three";

export class Axes {
  constructor(box, names, parent, divisions = 4) {
    this.box = box;
    this.visible = true;
    const material = (this.material = new LineBasicMaterial());
    this.walls = [0, 1, 2].map((axis) => {
      return [0, 1].map((side) => new LineSegments(wall(box, axis, side, divisions), material));
    });
    this.labels = names.map((name) => {
      const label = document.createElement("div");
      label.className = "axis";
      label.textContent = name;
      parent.append(label);
      return label;
    });
  }

  /** Place walls and names; `taken` says where panel and card are. */
  update(camera, width, height, taken) {
    const middle = new Vector3(...this.box[0]).add(new Vector3(...this.box[1])).multiplyScalar(0.5);
    const toward = camera.position.clone().sub(middle).toArray();
    const far = toward.map((component) => (component < 0 ? 1 : 0));
    this.walls.forEach((pair, axis) => {
      pair.forEach((grid, side) => (grid.visible = this.visible && side === far[axis]));
    });
    this.labels.forEach((label, axis) => {
      label.hidden = !this.visible;
      const ends = this.edge(axis, far, toward).map((end) => toScreen(end, camera, width, height));
      const x = (ends[0][0] + ends[1][0]) / 2;
      const y = (ends[0][1] + ends[1][1]) / 2;
      let across = [ends[0][1] - ends[1][1], ends[1][0] - ends[0][0]];
      const length = Math.hypot(...across) || 1;
      const outward = across[0] * (x - width / 2) + across[1] * (y - height / 2) >= 0 ? 1 : -1;
      across = across.map((part) => (outward * part) / length);
      const reach = 20 + 3.9 * label.textContent.length * Math.abs(across[0]);
      const half = 4 * label.textContent.length + 6;
      const top = y + across[1] * reach;
      const least = top < taken.panel.bottom ? taken.panel.right + half : half; // beside the panel
      const most = Math.min(width, top < taken.card.bottom + 12 ? taken.card.left : width) - half;
      const left = Math.max(half, Math.min(Math.max(x + across[0] * reach, least), most));
      label.style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`;
    });
  }

  /** The edge along an axis where a wall behind the scene ends in front of it: outside the scene. */
  edge(axis, far, toward) {
    const [first, second] = [0, 1, 2].filter((other) => other !== axis);
    const beside = axis === 2 ? this.leftmost(far, toward) : second;
    const other = 3 - axis - beside;
    return [0, 1].map((end) => {
      const place = [0, 0, 0];
      place[axis] = this.box[end][axis];
      place[beside] = this.box[far[beside]][beside];
      place[other] = this.box[1 - far[other]][other];
      return new Vector3(...place);
    });
  }

  /** Which of the two far walls has its near edge further left: 0 or 1. */
  leftmost(far, toward) {
    const places = [0, 1].map((beside) => {
      const place = [0, 0];
      place[beside] = this.box[far[beside]][beside];
      place[1 - beside] = this.box[1 - far[1 - beside]][1 - beside];
      return place[0] * toward[1] - place[1] * toward[0];
    });
    return places[1] > places[0] ? 1 : 0;
  }
}

export function toScreen(point, camera, width, height) {
  const seen = point.clone().project(camera);
  return [((seen.x + 1) / 2) * width, ((1 - seen.y) / 2) * height, seen.z];
}

function wall(box, axis, side, divisions) {
  const places = [];
  for (const along of [0, 1, 2].filter((other) => other !== axis)) {
    const other = 3 - axis - along;
    for (let i = 0; i <= divisions; i++) {
      for (const end of [0, 1]) {
        const place = [0, 0, 0];
        place[axis] = box[side][axis];
        place[along] = box[end][along];
        place[other] = box[0][other] + (i / divisions) * (box[1][other] - box[0][other]);
        places.push(...place);
      }
    }
  }
  return new BufferGeometry().setAttribute("position", new Float32BufferAttribute(places, 3));
}
