// The parts of the page. What a model or a user wrote gets into it as the data of text nodes, and in no other way.

import { markdown, settled } from "./markdown.js";

const FOLLOW_PX = 24; // so near to its end, a text goes on following it

// What every tone and activity is called, and what events there are, as the server says.
export const words = { allow_control: false, workflows: [], events: [], activities: {}, bars: {}, keys: { all: [], tools: [] }, tones: {}, endings: {}, run_endings: {} };

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Control characters as symbols: what a model wrote is shown, and does nothing.
export function harmless(text) {
  return text.replace(/[\0-\x08\x0b-\x1f]/g, (each) => String.fromCharCode(0x2400 + each.charCodeAt(0)))
    .replace(/[\x7f-\x9f]/g, "\u2421");
}

// `24 s`, from a minute on `1:12`, from an hour on `1:02:05`.
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export class Badge {
  constructor(element = make("span", "badge queue")) {
    this.element = element;
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    this.use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    icon.append(this.use);
    this.word = make("b");
    element.replaceChildren(icon, this.word);
    this.shown = "";
  }

  set([tone, word]) {
    const wanted = `${tone} ${word}`;
    if (this.shown === wanted) return;
    this.shown = wanted;
    this.element.className = `badge ${tone}`;
    this.element.hidden = false;
    this.use.setAttribute("href", `#shape-${tone}`);
    this.word.textContent = word;
  }
}

// A place that the keyboard can scroll.
function readable(element, name) {
  element.tabIndex = 0;
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", name);
  return element;
}

// A place that scrolls: it follows its end as long as the reader is there, and no longer.
export class Scroller {
  constructor(body, frame) {
    this.body = body;
    this.follows = true;
    this.wasLive = false;
    this.size = "";
    this.jump = make("button", "jump", "Jump to latest");
    this.jump.type = "button";
    this.jump.hidden = true;
    this.jump.addEventListener("click", () => {
      this.follows = true;
      this.settle(true);
    });
    frame.append(this.jump);
    body.addEventListener("scroll", () => {
      if (body.scrollHeight - body.scrollTop - body.clientHeight < FOLLOW_PX) {
        this.follows = true;
        this.jump.hidden = true;
      } else if (this.isAsItWas()) {
        this.follows = false; // else the browser has moved it, because there was less room or more text
      }
    }, { passive: true });
    new ResizeObserver(() => this.settle(!this.jump.hidden)).observe(body);
  }

  // Whether the text and its room are as they were last time.
  isAsItWas() {
    const now = `${this.body.scrollHeight} ${this.body.clientHeight} ${this.body.clientWidth}`;
    const before = this.size;
    this.size = now;
    return before === now;
  }

  // To be called when something has been added. What had ended before it was first shown is read from its beginning.
  settle(isLive) {
    const { body } = this;
    this.wasLive ||= isLive;
    if (this.wasLive && this.follows) body.scrollTop = body.scrollHeight;
    this.isAsItWas();
    this.jump.hidden = !isLive || this.follows || body.scrollHeight <= body.clientHeight;
  }
}

// Text that grows: what stands there already is left alone, so a selection in it stays.
class Growing {
  constructor(element) {
    this.node = element.appendChild(document.createTextNode(""));
    this.length = 0;
    this.edition = "0";
  }

  // `edition` is another when text that stood has changed.
  show(whole, edition) {
    if (`${edition}` !== this.edition || whole.length < this.length) {
      this.node.data = harmless(whole);
      this.edition = `${edition}`;
    } else if (whole.length > this.length) {
      this.node.appendData(harmless(whole.slice(this.length)));
    }
    this.length = whole.length;
  }
}

// What an answer says between two of its calls: Markdown as far as it stands, plain where it is being written.
class Part {
  constructor() {
    this.element = make("div");
    this.text = make("div", "text");
    this.live = make("div", "live plain");
    this.growing = new Growing(this.live);
    this.element.append(this.text, this.live);
    this.stands = 0; // so many characters are Markdown already
    this.edition = "";
    this.rendered = null; // when it has ended
  }

  show(whole, edition, isLive, cited) {
    this.live.hidden = !isLive;
    if (!isLive) {
      if (this.rendered !== whole) this.text.replaceChildren(...markdown(harmless(whole), cited));
      this.rendered = whole;
      return;
    }
    if (this.edition !== edition || this.rendered !== null) {
      [this.edition, this.rendered, this.stands] = [edition, null, 0];
      this.text.replaceChildren();
    }
    const end = settled(whole, this.stands);
    if (end > this.stands) this.text.append(...markdown(harmless(whole.slice(this.stands, end)), cited));
    this.stands = end;
    this.growing.show(whole.slice(end), `${edition} ${end}`);
  }
}

// What a tool was asked, and what it answered.
class Call {
  constructor() {
    this.element = make("details", "call");
    this.summary = make("summary");
    this.asked = make("pre", "plain");
    this.growing = new Growing(this.asked);
    this.answer = make("pre", "plain result");
    this.answer.hidden = true;
    this.element.append(this.summary, this.asked, this.answer);
    this.asks = false;
  }

  show(call) {
    const doing = { calling: "is being called", asking: "waits for leave in Felix", running: "running", ok: "done" }[call.state] ?? call.state;
    const share = call.state === "running" && call.fraction ? ` ${Math.round(call.fraction * 100)} %` : "";
    put(this.summary, harmless(`${call.name || "A tool"} · ${doing}${share}${call.message ? ` · ${call.message}` : ""}`));
    this.growing.show(call.arguments.whole, call.arguments.edition);
    const asks = call.state === "asking";
    if (asks !== this.asks) this.element.open = asks; // what is to be let is read, without a click
    this.asks = asks;
    this.element.className = `call ${asks ? "stop" : call.result === null || call.state === "ok" ? "" : words.tones[call.state] ?? "fail"}`;
    if (call.result !== null) {
      this.answer.hidden = false;
      put(this.answer, harmless(call.error || call.result));
    }
  }
}

// One answer, thinking and all.
export class Answer {
  constructor(element) {
    this.element = element;
    this.block = make("details", "thinking");
    this.summary = make("summary");
    this.thought = make("div", "plain");
    this.block.append(this.summary, this.thought);
    this.block.hidden = true;
    this.told = make("div", "told"); // parts, and the calls between them
    this.parts = [];
    this.calls = new Map();
    this.dots = make("span", "dots");
    this.dots.append(make("i"), make("i"), make("i"));
    this.trouble = make("p", "trouble");
    this.trouble.hidden = true;
    element.append(this.block, this.told, this.dots, this.trouble);
    this.thinking = new Growing(this.thought);
    this.wasThinking = false;
  }

  // `cited`: as in markdown.js.
  show(speech, cited) {
    this.thinking.show(speech.thinking.whole, speech.thinking.edition);
    const isThinking = speech.isLive && speech.state === "thinking";
    if (isThinking !== this.wasThinking) this.block.open = isThinking;
    this.wasThinking = isThinking;
    this.block.hidden = !speech.thinking.whole;
    const isWriting = speech.isLive && speech.state === "writing";
    this.tellParts(speech, isWriting, cited);
    this.dots.hidden = !speech.isLive || isWriting || speech.state === "queued";
    this.tell(speech);
    const said = speech.isLive ? "" : speech.end.error || (speech.status === "complete" ? "" : words.endings[speech.status]);
    this.trouble.hidden = !said;
    this.trouble.className = `trouble ${words.tones[speech.status] ?? "stop"}`;
    put(this.trouble, harmless(said ?? ""));
  }

  tellParts(speech, isWriting, cited) {
    const { answer, isLive } = speech;
    const calls = [...speech.calls.values()].sort((a, b) => a.position - b.position);
    const ends = [...calls.map((call) => answer.place(call.position)), answer.whole.length];
    const wanted = [];
    let start = 0;
    ends.forEach((end, number) => {
      const part = (this.parts[number] ??= new Part());
      part.show(answer.whole.slice(start, end), `${answer.edition} ${start}`, isLive, cited);
      part.live.classList.toggle("writing", isWriting && number === calls.length);
      if (end > start || number === calls.length) wanted.push(part.element);
      const call = calls[number];
      if (call) {
        if (!this.calls.has(call.id)) this.calls.set(call.id, new Call());
        this.calls.get(call.id).show(call);
        wanted.push(this.calls.get(call.id).element);
      }
      start = end;
    });
    const isThere = wanted.length === this.told.childElementCount && wanted.every((each, place) => this.told.children[place] === each);
    if (!isThere) this.told.replaceChildren(...wanted);
  }

  // What changes by the clock alone.
  tell(speech, now = Date.now() / 1000) {
    const spent = speech.spent("thinking", now);
    if (speech.isLive && speech.state === "thinking") put(this.summary, `Thinking · ${duration(spent)}`);
    else put(this.summary, spent ? `Thought for ${spent < 1 ? "under 1 s" : duration(spent)}` : "Thought");
  }
}

// Tone and word of what a speech does, or how it ended.
export function standing(speech) {
  if (!speech) return ["queue", "Not yet"];
  if (!speech.isLive) {
    const word = speech.status === "complete" ? "done" : words.endings[speech.status] ?? speech.status;
    return [words.tones[speech.status] ?? "stop", word[0].toUpperCase() + word.slice(1)];
  }
  const [tone, word] = words.activities[speech.state] ?? ["prep", speech.state];
  if (speech.state === "queued" && speech.position) return [tone, `${word} · ${speech.position}`];
  if (speech.fraction) return [tone, `${word} ${Math.round(speech.fraction * 100)} %`];
  return [tone, word];
}

export function figures(speech) {
  if (!speech) return "";
  if (speech.isLive) return speech.tokens ? `~${speech.tokens} tokens` : "";
  const { usage, tokens_per_s: pace, ttft_s: first } = speech.end;
  const parts = [];
  if (first !== null) parts.push(`first token ${first.toFixed(1)} s`);
  if (pace !== null) parts.push(`${pace.toFixed(pace < 10 ? 1 : 0)} tok/s`);
  const count = usage ? `${usage.completion} tokens` : speech.tokens ? `~${speech.tokens} tokens` : "";
  return [...parts, ...(count ? [count] : [])].join(" · ");
}

export class Card {
  constructor(agent, place, cited) {
    this.agent = agent;
    this.cited = cited;
    this.element = make("article", "card");
    this.element.id = place;
    this.element.tabIndex = -1; // a citation leads here
    const head = make("header");
    this.avatar = make("span", "avatar queue", agent.code);
    const names = make("div");
    this.where = make("p", "where");
    names.append(make("h3", "", agent.id), this.where);
    this.badge = new Badge();
    head.append(this.avatar, names, this.badge.element);
    this.body = readable(make("div", "body"), agent.id);
    this.waiting = make("p", "aside nothing", "Has not spoken yet.");
    this.body.append(this.waiting);
    const foot = make("footer");
    this.figures = make("span", "figures");
    this.confidence = make("span", "confidence");
    foot.append(this.figures, this.confidence);
    this.element.append(head, this.body, foot);
    this.scroller = new Scroller(this.body, this.element);
    this.answers = new Map();
  }

  show() {
    for (const thought of this.agent.thoughts) {
      let answer = this.answers.get(thought);
      if (!answer) {
        if (thought.state === "queued" && thought.isLive) continue;
        const element = make("section", "thought");
        const heading = make("h4");
        element.append(heading);
        if (thought.asked) element.append(make("p", "asked", harmless(thought.asked)));
        answer = new Answer(element);
        answer.heading = heading;
        this.answers.set(thought, answer);
        this.body.append(element);
      }
      answer.show(thought, this.cited);
    }
    this.waiting.hidden = this.answers.size > 0;
    this.tell();
    this.scroller.settle(this.agent.thoughts.some((each) => each.isLive));
  }

  tell(now = Date.now() / 1000) {
    const latest = this.agent.thoughts.at(-1);
    const shown = standing(latest);
    this.badge.set(shown);
    this.avatar.className = `avatar ${shown[0]}`;
    const since = latest ? ` · ${duration((latest.endedAt ?? now) - latest.openedAt)}` : "";
    put(this.where, `${this.agent.role} · depth ${this.agent.depth.toFixed(2)}${since}`);
    put(this.figures, figures(latest));
    const sure = latest?.end?.confidence;
    put(this.confidence, typeof sure === "number" ? `sure ${Math.round(sure * 100)} %` : "");
    for (const [thought, answer] of this.answers) {
      const took = thought.isLive ? "" : ` · ${duration(thought.endedAt - thought.openedAt)}`;
      put(answer.heading, `round ${thought.round} · depth ${(thought.checkpoint ?? 0).toFixed(2)}${took}`);
      if (thought.isLive) answer.tell(thought, now);
    }
  }
}

export class Synthesis {
  constructor(speech, cited) {
    this.speech = speech;
    this.cited = cited;
    this.element = make("article", "synthesis");
    const head = make("header");
    this.badge = new Badge();
    this.figures = make("span", "figures");
    head.append(make("h2", "", "Synthesis"), this.badge.element, this.figures);
    this.body = readable(make("div", "said"), "Synthesis");
    this.element.append(head, this.body);
    const column = this.body.appendChild(make("div"));
    this.answer = new Answer(column);
    this.scroller = new Scroller(this.body, this.element);
  }

  show() {
    this.answer.show(this.speech, this.cited);
    this.element.classList.toggle("grows", this.speech.isLive);
    this.body.tabIndex = this.speech.isLive ? 0 : -1; // when it has ended it is read in the page's own scrolling
    this.tell();
    this.scroller.settle(this.speech.isLive);
  }

  tell(now = Date.now() / 1000) {
    this.badge.set(standing(this.speech));
    put(this.figures, figures(this.speech));
    if (this.speech.isLive) this.answer.tell(this.speech, now);
  }
}

// A row for each who speaks, in thousandths of the run so far.
export class Timeline {
  constructor(element, legend) {
    this.element = element;
    this.legend = legend;
  }

  show(run, now = Date.now() / 1000) {
    const used = [...run.thoughts.values()].some((each) => each.calls.size);
    const keys = [...words.keys.all, ...(used ? words.keys.tools : [])];
    if (keys.length !== this.legend.childElementCount) {
      this.legend.replaceChildren(...keys.map(([tone, word]) => {
        const key = make("span", tone, word);
        key.prepend(make("i"));
        return key;
      }));
    }
    const from = run.startedAt ?? now;
    const whole = Math.max(1, (run.endedAt ?? now) - from);
    const rows = [...run.agents.values()].map((agent) => [agent.code, agent.id, agent.thoughts]);
    if (run.syntheses.length) rows.push(["✦", "synthesis", run.syntheses]);
    this.element.replaceChildren(...rows.map(([code, name, speeches]) => {
      const row = make("div", "row");
      row.title = name;
      const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      picture.setAttribute("viewBox", "0 0 1000 12");
      picture.setAttribute("preserveAspectRatio", "none");
      for (const speech of speeches) {
        const end = speech.endedAt ?? run.endedAt ?? now;
        speech.states.forEach(([at, state], place) => {
          const until = speech.states[place + 1]?.[0] ?? end;
          const [tone, height] = words.bars[state] ?? ["prep", 4];
          const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
          bar.setAttribute("class", tone);
          bar.setAttribute("x", String(((at - from) / whole) * 1000));
          bar.setAttribute("width", String(Math.max(1, ((until - at) / whole) * 1000)));
          bar.setAttribute("y", String(6 - height / 2));
          bar.setAttribute("height", String(height));
          picture.append(bar);
        });
      }
      row.append(make("span", "", code), picture);
      return row;
    }));
  }
}
