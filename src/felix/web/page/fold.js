// A run as far as its events tell: the same events and the same reading of them as in `felix.ledger.state`.
// Offsets count characters as the server does, code points; strings here count in UTF-16 units.

// Events that have no number to come back to.
export const PASSING = ["agent_state", "partial_thought", "partial_synthesis", "partial_tool_call"];

export class Text {
  constructor() {
    this.whole = "";
    this.length = 0; // in code points
    this.edition = 0; // goes up when text that stood has changed
  }

  put(piece, offset) {
    if (offset !== this.length) {
      const kept = this.whole.slice(0, this.place(offset));
      const next = kept + piece;
      if (!next.startsWith(this.whole)) this.edition += 1;
      this.whole = next;
      this.length = offset + points(piece);
      return;
    }
    this.whole += piece;
    this.length += points(piece);
  }

  // Where so many code points end, in UTF-16 units.
  place(count) {
    if (this.length === this.whole.length) return Math.min(count, this.length);
    return [...this.whole].slice(0, count).join("").length;
  }

  settle(whole) {
    if (whole === this.whole) return;
    if (!whole.startsWith(this.whole)) this.edition += 1;
    this.whole = whole;
    this.length = points(whole);
  }
}

// One answer of one model: a thought, or a synthesis.
class Speech {
  constructor(id, at) {
    this.id = id;
    this.openedAt = at;
    this.state = "queued";
    this.states = []; // [seconds since the epoch, what it did from then on]
    this.answer = new Text();
    this.thinking = new Text();
    this.endedAt = null;
    this.status = this.end = null; // `end` is the event that ended it
    this.tokens = 0;
    this.detail = this.model = this.endpoint = this.cut = "";
    this.position = this.fraction = null;
    this.calls = new Map();
    this.read = [];
    this.halts = []; // the run's: [from, to] in which nothing could happen
  }

  get isLive() {
    return this.status === null;
  }

  // Seconds in which it did that, up to its end or `now`.
  spent(state, now) {
    let sum = 0;
    this.states.forEach(([at, each], place) => {
      if (each !== state) return;
      const end = this.states[place + 1]?.[0] ?? this.endedAt ?? now;
      sum += Math.max(0, end - at - this.halts.reduce((all, [from, to]) => all + Math.max(0, Math.min(end, to) - Math.max(at, from)), 0));
    });
    return sum;
  }

  change(event) {
    this.do(event.state, event.at);
    this.position = event.position;
    this.fraction = event.fraction;
    this.detail = event.detail;
    for (const name of ["model", "endpoint", "cut"]) this[name] = event[name] || this[name];
    if (event.read?.length) this.read = event.read;
    if (event.trace) this.traceBack(event.trace);
  }

  do(state, at) {
    this.state = state;
    if (this.states.at(-1)?.[1] !== state) this.states.push([at, state]);
  }

  put(event) {
    const isThinking = event.channel === "thinking";
    (isThinking ? this.thinking : this.answer).put(event.partial, event.offset);
    this.tokens = event.tokens_so_far;
    this.do(!isThinking && this.answer.length ? "writing" : "thinking", event.at); // nothing: it was taken back
  }

  finish(event) {
    this.answer.settle(event.content);
    this.thinking.settle(event.thinking);
    this.status = event.status;
    this.endedAt = event.at;
    this.end = event;
    for (const name of ["model", "endpoint", "cut"]) this[name] = event[name] || this[name];
    if (event.read) this.read = event.read;
    for (const call of this.calls.values()) {
      if (call.state === "calling") this.calls.delete(call.id); // never whole, so it had not begun
      else if (call.result === null) Object.assign(call, { state: "interrupted", result: "", message: "" });
    }
    if (event.trace) this.traceBack(event.trace);
  }

  // All times from there: who saw nothing but that knows the same.
  traceBack(trace) {
    this.openedAt = trace.began_at;
    this.states = trace.states.map(([ms, state]) => [trace.began_at + ms / 1000, state]);
  }
}

export class Run {
  constructor(id) {
    this.id = id;
    this.seq = 0; // of the last durable event
    this.plan = null;
    this.agents = new Map();
    this.thoughts = new Map();
    this.syntheses = [];
    this.round = 0;
    this.rounds = [];
    this.halts = []; // [from, to]
    this.deeds = []; // [seconds since the epoch, a sentence]
    this.startedAt = this.endedAt = null;
    this.status = null;
    this.reason = "";
    this.usage = null;
    this.changed = new Set(); // of speeches and agents, and "run": what a face has to draw anew
  }

  get isLive() {
    return this.plan !== null && this.status === null;
  }

  // Whether an agent waits for the user's word.
  get asks() {
    return this.isLive && [...this.thoughts.values()].some((each) => each.isLive && each.state === "asking");
  }

  get synthesis() {
    return this.syntheses.at(-1);
  }

  // A durable event that is known already is passed over.
  apply(event) {
    if (!PASSING.includes(event.type)) {
      if (event.seq <= this.seq) return;
      this.seq = event.seq;
    }
    const { at } = event;
    switch (event.type) {
      case "run_started":
        this.plan = event;
        this.startedAt = at;
        this.rounds = event.rounds;
        for (const agent of event.agents) this.add(agent);
        break;
      case "round_started":
        this.round = event.number;
        break;
      case "agent_spawned":
        this.agent(event.agent_id, event.role).depth = event.depth;
        break;
      case "agent_added":
        this.add(event.agent).reason = event.reason;
        this.rounds = event.rounds;
        this.deeds.push([at, event.reason]);
        break;
      case "agent_state":
        if (event.agent_id === "hub") this.mark(this.synthesis)?.change(event);
        else this.thought(event).change(event);
        return;
      case "thought_asked":
        Object.assign(this.thought(event), { act: event.act, asked: event.text });
        break;
      case "partial_thought":
        this.thought(event).put(event);
        return;
      case "thought_complete":
        this.thought(event).finish(event);
        return;
      case "partial_tool_call":
      case "tool_call":
      case "tool_answered":
      case "tool_progress":
      case "tool_result":
        this.use(event);
        return;
      case "synthesis_started": {
        const speech = new Speech(`synthesis-${event.number}`, at);
        speech.begun = event;
        speech.halts = this.halts;
        speech.do("connecting", at);
        this.syntheses.push(speech);
        this.mark(speech);
        break;
      }
      case "partial_synthesis":
        this.mark(this.synthesis)?.put(event);
        return;
      case "synthesis_complete":
        this.mark(this.synthesis)?.finish(event);
        break;
      case "note_added":
        this.deeds.push([at, `Note to ${event.agent_id ?? "all agents"}: ${event.text}`]);
        break;
      case "wrap_up_asked":
        this.deeds.push([at, "The synthesis was asked for."]);
        break;
      case "pause_changed":
        this.deeds.push([at, { asked: "The run pauses after this round.", paused: "The run is paused.", off: "The run goes on." }[event.state]]);
        break;
      case "question_raised":
        this.deeds.push([at, event.text]);
        break;
      case "stood_still":
        this.halts.push([at - event.seconds, at]);
        this.deeds.push([at, `${event.was_asleep ? "The computer slept" : "Felix was halted"} – the run goes on.`]);
        break;
      case "run_reopened":
        this.status = this.endedAt = null;
        this.reason = "";
        this.deeds.push([at, event.reason]);
        break;
      case "run_finished":
        this.status = event.status;
        this.reason = event.reason;
        this.usage = event.usage;
        this.endedAt = at;
        break;
    }
    this.changed.add("run");
  }

  add(planned) {
    const agent = { ...planned, id: planned.agent_id, depth: planned.spawn, thoughts: [], reason: "" };
    this.agents.set(agent.id, agent);
    return agent;
  }

  agent(id, role) {
    return this.agents.get(id) ?? this.add({ agent_id: id, role: role ?? id, code: id.slice(0, 2).toUpperCase(), spawn: 0, model: "" });
  }

  thought(event) {
    let thought = this.thoughts.get(event.thought_id);
    const agent = this.agent(event.agent_id, event.role);
    if (!thought) {
      thought = new Speech(event.thought_id, event.at);
      thought.agent = agent;
      thought.halts = this.halts;
      this.thoughts.set(thought.id, thought);
      agent.thoughts.push(thought);
    }
    thought.round = event.round ?? thought.round ?? this.round;
    thought.checkpoint = event.checkpoint ?? thought.checkpoint;
    agent.depth = Math.max(agent.depth, thought.checkpoint ?? 0);
    this.changed.add(agent);
    return this.mark(thought);
  }

  use(event) {
    const thought = this.thought(event);
    let call = thought.calls.get(event.call_id);
    if (!call) {
      call = { id: event.call_id, name: "", arguments: new Text(), state: "calling", message: "", result: null, error: null, position: 0 };
      thought.calls.set(event.call_id, call);
    }
    if (event.name) call.name = event.name;
    call.position = event.position ?? call.position; // code points of the answer that stand before it
    switch (event.type) {
      case "partial_tool_call":
        call.arguments.put(event.partial, event.offset);
        break;
      case "tool_call":
        call.arguments.settle(event.arguments);
        call.state = event.asks ? "asking" : "running";
        call.message = event.asks;
        break;
      case "tool_answered":
        call.state = event.answer === "no" ? "refused" : "running";
        call.message = "";
        break;
      case "tool_progress":
        call.state = "running";
        call.message = event.message;
        call.fraction = event.fraction;
        break;
      case "tool_result":
        call.state = event.status;
        call.result = event.content;
        call.error = event.error;
        call.duration = event.duration_s;
        call.message = "";
        break;
    }
    const states = [...thought.calls.values()].map((each) => each.state);
    const now = event.type === "partial_tool_call" ? "calling" : ["asking", "running"].find((each) => states.includes(each));
    if (thought.isLive && now) thought.do(now, event.at);
  }

  mark(what) {
    if (what) this.changed.add(what);
    return what;
  }
}

function points(text) {
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}
