"use strict";
// Plays the run again. The page as it stands shows how the run ended; this shows any moment before that, from when each
// answer began and how much of its text stood when. Whatever a model wrote is only ever the data of a text node.
(() => {
  const FOLLOW_PX = 24; // so near to its end, a card goes on following it
  const GLIDE_MS = 500; // an agent moves to its next depth within half a second
  const STEP_MS = 5000; // what an arrow key skips
  const LONGEST_FRAME_MS = 250; // a page that was out of sight goes on where it was

  const byId = (id) => document.getElementById(id);
  const film = JSON.parse(byId("film").textContent);
  const rows = byId("rows");

  // -- the parts ------------------------------------------------------------------------------------------------------

  class Badge {
    constructor(element) {
      this.element = element;
      this.ended = [element.className.replace("badge ", ""), element.lastChild.textContent];
      this.shown = this.ended.join();
    }
    set([tone, word]) {
      if (this.shown === `${tone},${word}`) return;
      this.shown = `${tone},${word}`;
      this.element.className = `badge ${tone}`;
      this.element.querySelector("use").setAttribute("href", `#shape-${tone}`);
      this.element.lastChild.textContent = word;
    }
  }

  // Text that grows: what stands there already is left alone.
  class Growing {
    constructor(element, whole) {
      this.whole = whole;
      this.node = element.firstChild ?? element.appendChild(document.createTextNode(""));
      this.length = this.node.length;
    }
    show(length) {
      if (length === this.length) return false;
      if (length > this.length) this.node.appendData(this.whole.slice(this.length, length));
      else this.node.data = this.whole.slice(0, length);
      this.length = length;
      return true;
    }
  }

  // One answer: hidden before it began, growing while it was made, as it is rendered once it has ended.
  class Answer {
    constructor(data, number) {
      this.data = data;
      this.element = document.querySelector(`[data-number="${number}"]`);
      this.text = this.element.querySelector(".text");
      this.ends = [...this.element.querySelectorAll(".trouble, .took, .told")];
      this.block = this.element.querySelector(".thinking");
      this.summary = this.block?.firstElementChild;
      this.told = this.summary?.textContent;
      const head = this.element.matches(".synthesis") ? this.element : null;
      this.badge = head && new Badge(head.querySelector(".badge"));
      if (head) this.ends.push(head.querySelector(".figures"));
      this.live = document.createElement("div");
      this.live.className = "live";
      this.live.hidden = true;
      this.text.after(this.live);
      this.pieces = [];
      const calls = this.text.querySelectorAll(".call summary");
      data.calls.forEach(([position, began], n) => {
        this.piece(position);
        const call = this.live.appendChild(document.createElement("p"));
        call.className = "call";
        call.textContent = calls[n].textContent.split(" – ")[0];
        this.pieces.push({ show: (_, at) => call.hidden !== (call.hidden = at < began) });
      });
      this.piece(data.text.length);
      this.thought = data.thought ? new Growing(this.block.querySelector(".plain"), data.thought) : null;
      this.stage = "ended";
    }

    // The next part of its text, up to a place in it.
    piece(end) {
      const start = this.written ?? 0;
      const growing = new Growing(this.live.appendChild(document.createElement("span")), this.data.text.slice(start, end));
      this.written = end;
      this.pieces.push({ show: (length) => growing.show(Math.min(Math.max(0, length - start), growing.whole.length)) });
    }

    doing(at) {
      return film.activities[last(this.data.states, at) ?? "connecting"];
    }

    // True when what is seen of it has changed.
    show(at, isOver) {
      const { began, ended } = this.data;
      const stage = isOver || at >= ended ? "ended" : at < began ? "before" : "live";
      const changed = stage !== this.stage;
      if (changed) this.turn(stage);
      return stage === "live" ? this.grow(at) || changed : changed;
    }

    turn(stage) {
      this.stage = stage;
      this.element.hidden = stage === "before";
      this.text.hidden = stage !== "ended";
      this.live.hidden = stage !== "live";
      for (const part of this.ends) part.hidden = stage !== "ended";
      if (stage !== "ended") return;
      this.badge?.set(this.badge.ended);
      if (this.block) {
        this.block.hidden = this.block.open = false;
        this.summary.textContent = this.told;
        this.thought?.show(this.thought.whole.length);
      }
    }

    grow(at) {
      const { answer, thinking } = this.data;
      const [tone] = this.doing(at);
      const written = last(answer, at) ?? 0;
      let changed = false;
      for (const piece of this.pieces) changed = piece.show(written, at) || changed;
      this.live.classList.toggle("writing", tone === "write");
      this.badge?.set(this.doing(at));
      if (this.block) {
        const isThinking = tone === "think";
        this.block.hidden = !thinking.length || at < thinking[0];
        this.block.open = isThinking && this.thought !== null;
        this.summary.textContent = isThinking ? `Thinking · ${words(at - thinking[0])}` : this.told;
        changed = this.thought?.show(last(thinking, at) ?? 0) || changed;
      }
      return changed;
    }
  }

  // An agent: its thoughts, and in its head what the latest of them does.
  class Card {
    constructor(element, number) {
      this.element = element;
      this.agent = film.agents[number];
      this.node = document.querySelectorAll(".node")[number];
      this.body = element.querySelector(".body");
      this.avatar = element.querySelector(".avatar");
      this.badge = new Badge(element.querySelector(".badge"));
      this.words = [".where", ".figures", ".confidence"].map((name) => element.querySelector(name));
      this.ended = this.words.map((part) => part.textContent);
      this.answers = answers
        .filter((answer) => answer.data.agent === number)
        .sort((a, b) => a.data.began - b.data.began);
      this.steps = [{ began: -Infinity, ...this.agent }];
      for (const { data } of this.answers) if (data.depth > this.steps.at(-1).depth) this.steps.push(data);
      this.waiting = document.createElement("p");
      this.waiting.className = "aside nothing";
      this.waiting.hidden = true;
      if (this.answers.length) {
        const { round, depth } = this.answers[0].data;
        this.waiting.textContent = `Speaks from round ${round} on, at depth ${depth.toFixed(2)}`;
        this.body.prepend(this.waiting);
      }
    }

    show(at, isOver, jumped) {
      const body = this.body;
      const follows = jumped || body.scrollHeight - body.scrollTop - body.clientHeight < FOLLOW_PX;
      let changed = false;
      for (const answer of this.answers) changed = answer.show(at, isOver) || changed;
      const begun = this.answers.filter((answer) => answer.data.began <= at);
      const latest = begun.at(-1);
      this.waiting.hidden = isOver || begun.length > 0;
      this.tell(at, isOver || (latest?.stage === "ended" && latest === this.answers.at(-1)), latest);
      this.place(at);
      if (changed && follows) body.scrollTop = isOver ? 0 : body.scrollHeight;
    }

    tell(at, isFinal, latest) {
      const status = latest
        ? latest.stage === "live" ? latest.doing(at) : latest.data.end
        : ["queue", "Not yet"];
      const badge = isFinal ? this.badge.ended : status;
      this.badge.set(badge);
      this.avatar.className = `avatar ${badge[0]}`;
      this.node?.setAttribute("class", `node ${badge[0]}`);
      const depth = `depth ${this.steps.findLast((step) => step.began <= at).depth.toFixed(2)}`;
      const since = latest ? ` · ${words(Math.min(at, latest.data.ended) - latest.data.began)}` : " · –";
      const now = [depth + since, latest?.stage === "ended" ? latest.data.figures : this.agent.role, ""];
      this.words.forEach((part, n) => put(part, isFinal ? this.ended[n] : now[n]));
    }

    // On the helix: on its way from the depth before to the one it has reached. It never goes up again.
    place(at) {
      const reached = this.steps.findLastIndex((step) => step.began <= at);
      const to = this.steps[reached];
      const from = this.steps[Math.max(0, reached - 1)];
      const way = Math.min(1, (at - to.began) / GLIDE_MS);
      const eased = 1 - (1 - way) ** 3;
      const x = from.x + (to.x - from.x) * eased;
      const y = from.y + (to.y - from.y) * eased;
      this.node?.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    }
  }

  // -- small things ---------------------------------------------------------------------------------------------------

  // Of pairs (ms, value) the value that holds at a moment.
  function last(pairs, at) {
    let low = 0;
    let high = pairs.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[2 * middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low ? pairs[2 * low - 1] : undefined;
  }

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // `24 s`, from a minute on `1:12`, from an hour on `1:02:05`.
  function words(ms) {
    const whole = Math.max(0, Math.floor(ms / 1000));
    const two = (number) => String(number).padStart(2, "0");
    if (whole < 60) return `${whole} s`;
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  // -- the film -------------------------------------------------------------------------------------------------------

  const answers = film.answers.map((data, number) => new Answer(data, number));
  const cards = [...document.querySelectorAll(".card")].map((element, number) => new Card(element, number));
  const syntheses = answers.filter((answer) => answer.data.agent === undefined);
  const deeds = [...document.querySelectorAll(".deeds li")];
  const head = rows.appendChild(document.createElement("div"));
  head.className = "head";
  let position = film.total;
  let isPlaying = false;
  let before = 0;

  function show(at, jumped = true) {
    position = Math.min(Math.max(0, at), film.total);
    const isOver = position >= film.total;
    for (const card of cards) card.show(position, isOver, jumped);
    for (const answer of syntheses) answer.show(position, isOver);
    for (const deed of deeds) deed.hidden = Number(deed.dataset.at) > position;
    const round = film.rounds.filter(([began]) => began <= position).at(-1)?.[1] ?? 0;
    put(byId("round"), round ? `round ${round} of ${film.roundsPlanned}` : "");
    put(byId("now"), words(position));
    byId("seek").value = position;
    head.style.left = `${24 + ((rows.clientWidth - 24) * position) / film.total}px`;
  }

  function play(wanted) {
    if (wanted && position >= film.total) show(0);
    isPlaying = wanted;
    put(byId("play").lastChild, isPlaying ? "Pause" : position >= film.total ? "Replay" : "Play");
    byId("play").querySelector("use").setAttribute("href", isPlaying ? "#shape-pause" : "#shape-play");
    if (isPlaying) {
      before = performance.now();
      requestAnimationFrame(frame);
    }
  }

  function frame(now) {
    if (!isPlaying) return;
    const passed = Math.min(now - before, LONGEST_FRAME_MS) * Number(byId("speed").value);
    before = now;
    show(position + passed, false);
    if (position >= film.total) play(false);
    else requestAnimationFrame(frame);
  }

  function seek(at) {
    show(at);
    if (!isPlaying) play(false);
  }

  function round(by) {
    const began = film.rounds.map(([ms]) => ms);
    if (by < 0) return began.filter((ms) => ms < position - 500).at(-1) ?? 0;
    return began.find((ms) => ms > position) ?? film.total;
  }

  // -- what the reader does -------------------------------------------------------------------------------------------

  byId("play").addEventListener("click", () => play(!isPlaying));
  byId("first").addEventListener("click", () => seek(0));
  byId("last").addEventListener("click", () => seek(film.total));
  byId("seek").addEventListener("input", (event) => seek(Number(event.target.value)));
  rows.addEventListener("click", (event) => {
    const row = event.target.closest(".row")?.querySelector("svg").getBoundingClientRect();
    if (row) seek((film.total * (event.clientX - row.left)) / row.width);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, a, summary")) return;
    const onButton = event.target.closest("button");
    switch (event.key) {
      case " ":
        if (onButton) return;
        play(!isPlaying);
        break;
      case "ArrowLeft":
        seek(event.shiftKey ? round(-1) : position - STEP_MS);
        break;
      case "ArrowRight":
        seek(event.shiftKey ? round(+1) : position + STEP_MS);
        break;
      case "Home":
        seek(0);
        break;
      case "End":
        seek(film.total);
        break;
      case "Escape":
        grow(null);
        return;
      default:
        return;
    }
    event.preventDefault();
  });

  function grow(card) {
    for (const each of cards) {
      const isBig = each === card && !each.element.classList.contains("big");
      each.element.classList.toggle("big", isBig);
      each.element.querySelector(".grow").setAttribute("aria-pressed", String(isBig));
    }
    byId("wall").classList.toggle("one", document.querySelector(".card.big") !== null);
  }

  for (const card of cards) {
    card.element.querySelector(".grow").addEventListener("click", () => grow(card));
    card.element.querySelector("header").addEventListener("dblclick", () => grow(card));
  }

  // Pointing at a thought marks what it read, and what read it.
  answers.forEach((answer, number) => {
    if (answer.data.read === undefined) return;
    const mark = (isOn) => {
      for (const source of answer.data.read) answers[source].element.classList.toggle("source", isOn);
      for (const other of answers) {
        if (other.data.read?.includes(number)) other.element.classList.toggle("reader", isOn);
      }
    };
    answer.element.addEventListener("pointerenter", () => mark(true));
    answer.element.addEventListener("pointerleave", () => mark(false));
  });

  document.documentElement.classList.add("plays");
  byId("bar").hidden = false;
  addEventListener("resize", () => show(position, false));
  show(film.total);
})();
