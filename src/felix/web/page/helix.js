// The helix the agents go down, drawn as on an exported page: `felix.ledger.export.drawing` has the same figures.

import { harmless, standing } from "./parts.js";

const [TOP, BOTTOM] = [3.0, 0.5]; // radii; between them R = bottom·(top/bottom)^(1−t)
const [PHASE, TILT] = [0.5, 0.31]; // turned towards the eye; the height of a ring to its width
const [WIDE, TALL] = [240, 400];
const [BESIDE, ABOVE, BELOW] = [52, 46, 46]; // room for the words at its ends, and for nodes on its rings
const SAME = 1e-6;

export class Helix {
  constructor(picture) {
    this.picture = picture;
    picture.setAttribute("viewBox", `${-BESIDE} ${-ABOVE} ${BESIDE + WIDE} ${ABOVE + TALL + BELOW}`);
    this.clear();
  }

  // Another run.
  clear() {
    this.plan = null;
    this.nodes = new Map();
    this.picture.replaceChildren();
  }

  show(run) {
    if (!run.plan) return;
    if (this.plan !== run.plan) this.draw(run);
    const agents = [...run.agents.values()];
    for (const agent of agents) {
      let node = this.nodes.get(agent);
      const [x, y] = placeOf(run, agents, agent);
      if (!node) {
        const word = drawn("text", { dy: "3.5" });
        word.textContent = harmless(agent.code);
        node = drawn("g", {}, drawn("circle", { r: "11" }), word);
        this.nodes.set(agent, node);
      }
      node.setAttribute("class", `node ${standing(agent.thoughts.at(-1))[0]}`);
      node.style.transform = `translate(${x}px, ${y}px)`;
      if (!node.parentNode) this.picture.append(node);
    }
  }

  draw(run) {
    this.clear();
    this.plan = run.plan;
    const turns = run.plan.helix_turns;
    const depths = new Set([0, 1, ...run.rounds.flatMap((round) => round.turns.map((turn) => turn.checkpoint))]);
    const rings = [...depths].map((t) =>
      drawn("ellipse", { cx: WIDE / 2, cy: t * TALL, rx: radius(t), ry: radius(t) * TILT }));
    const points = Array.from({ length: 161 }, (_, n) => point(n / 160, turns, 0).join(","));
    this.picture.append(drawn("g", { class: "rings" }, ...rings), drawn("polyline", { points: points.join(" ") }));
    for (const [t, word] of [[0, "explore"], [1, "answer"]]) {
      const x = 2 - BESIDE;
      const below = drawn("tspan", { x, dy: 14 });
      below.textContent = word;
      this.picture.append(drawn("text", { class: "end", x, y: t * TALL + 4 }, t.toFixed(1), below));
    }
  }
}

// Those of one depth are spread over its ring.
function placeOf(run, agents, agent) {
  const { depth } = agent;
  const isThere = (other) => Math.abs(other - depth) < SAME;
  const turns = run.rounds.flatMap((round) => round.turns).filter((turn) => isThere(turn.checkpoint));
  const speak = new Set(turns.map((turn) => turn.agent_id));
  const beside = agents.filter((each) => each === agent || speak.has(each.id) || isThere(each.spawn));
  const turned = (2 * Math.PI * beside.indexOf(agent)) / beside.length;
  const least = beside.length > 1 ? Math.min(WIDE / 2 - 24, 10 + 9 * beside.length) : 0;
  return point(depth, run.plan.helix_turns, turned, least);
}

function radius(t, least = 0) {
  return Math.max(least, (BOTTOM * (TOP / BOTTOM) ** (1 - t) * (WIDE / 2 - 14)) / TOP);
}

function point(t, turns, turned, least = 0) {
  const angle = 2 * Math.PI * turns * t + PHASE + turned;
  const far = radius(t, least);
  return [WIDE / 2 + far * Math.cos(angle), t * TALL + far * TILT * Math.sin(angle)].map((each) => Math.round(each * 10) / 10);
}

function drawn(tag, attributes, ...inside) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}
