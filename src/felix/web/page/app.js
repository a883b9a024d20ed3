// Watches one run: the way in, the list, the stream of events, and the frames in which what came is drawn.

import { Run } from "./fold.js";
import { Helix } from "./helix.js";
import { Badge, Card, Synthesis, Timeline, duration, harmless, make, put, words } from "./parts.js";

const LOST = "The connection is lost – trying to get it back.";
const WAY_IN = "For a new one press New link in Felix, under Settings, Sharing – or Enter where felix serve runs.";
const AGAIN_MS = 2000; // after the server has sent the stream away, until the next try
const CLOCK_MS = 1000;

const byId = (id) => document.getElementById(id);
const badge = new Badge(byId("badge"));
const helix = new Helix(byId("helix"));
const timeline = new Timeline(byId("rows"), byId("legend"));

let run = null;
let stream = null;
let cards = new Map();
let syntheses = new Map();
let isAsked = false; // for a frame
let followsNewest = true; // until the reader chooses a run

// -- the way in -----------------------------------------------------------------------------------------------------------

async function enter() {
  const token = new URLSearchParams(location.hash.slice(1)).get("t");
  if (token) {
    history.replaceState(null, "", location.pathname + location.search); // it is spent, and shall not be found
    const answer = await send("/session", { token });
    if (!answer?.ok && !(await fetch("/status")).ok)
      return stay("This link does not work any more", answer ? `${(await answer.json()).error} ${WAY_IN}` : LOST);
  }
  const status = await fetch("/status");
  if (!status.ok) return stay("You are not let in", `Open the link that Felix shows. ${WAY_IN}`);
  Object.assign(words, await status.json());
  offer();
  await list();
  const wanted = new URLSearchParams(location.search).get("run");
  if (wanted) followsNewest = false;
  watch(wanted ?? newest()?.run ?? null);
  setInterval(tick, CLOCK_MS);
}

// There is no way in.
function stay(what, sentence) {
  const out = byId("out");
  out.hidden = false;
  put(out.firstElementChild, what);
  put(out.lastElementChild, sentence);
}

function say(sentence) {
  const notice = byId("notice");
  notice.hidden = !sentence;
  put(notice, sentence);
}

// -- the list -------------------------------------------------------------------------------------------------------------

let rows = [];

async function list() {
  const answer = await fetch("/runs?limit=100");
  if (!answer.ok) return;
  rows = (await answer.json()).runs;
  byId("empty").hidden = rows.length > 0 || run !== null;
  byId("runs").firstElementChild.replaceChildren(...rows.map((row) => {
    const link = make("a", "", harmless(row.name));
    link.href = `?run=${encodeURIComponent(row.run)}`;
    if (row.run === run?.id) link.setAttribute("aria-current", "true");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      followsNewest = row.status === null && row.run === newest()?.run;
      history.pushState(null, "", followsNewest ? "/" : link.href);
      showRuns(false);
      say("");
      watch(row.run);
    });
    const [tone, word] = standingOf(row);
    const item = make("li", tone);
    const when = new Date(row.started_at * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
    item.append(link, make("small", "", `${word} · ${when}`));
    return item;
  }));
}

function newest() {
  return rows.find((row) => row.status === null) ?? rows[0];
}

function showRuns(isShown) {
  byId("runs").hidden = !isShown;
  byId("show-runs").setAttribute("aria-expanded", String(isShown));
}

byId("show-runs").addEventListener("click", () => {
  showRuns(byId("runs").hidden);
  if (!byId("runs").hidden) list();
});
byId("runs").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  showRuns(false);
  byId("show-runs").focus();
});
addEventListener("popstate", () => {
  if (location.hash) return; // a citation was followed, within this run
  watch(new URLSearchParams(location.search).get("run") ?? newest()?.run ?? null);
});

// -- the stream -----------------------------------------------------------------------------------------------------------

function watch(id) {
  if (run?.id !== id || id === null) {
    run = id === null ? null : new Run(id);
    cards = new Map();
    syntheses = new Map();
    for (const place of ["syntheses", "wall", "rows"]) byId(place).replaceChildren();
    helix.clear();
    byId("page").hidden = run === null;
    byId("empty").hidden = run !== null || rows.length > 0;
  }
  connect();
}

function connect() {
  stream?.close();
  const query = run ? `?run=${encodeURIComponent(run.id)}&after=${run.seq}` : "";
  const opened = (stream = new EventSource(`/events${query}`));
  for (const name of words.events) {
    opened.addEventListener(name, (message) => {
      if (stream !== opened || !run) return;
      run.apply(JSON.parse(message.data));
      draw();
    });
  }
  opened.addEventListener("runs_changed", async (message) => {
    const news = JSON.parse(message.data);
    await list();
    if (news.type !== "run_finished" && news.run !== run?.id && followsNewest && !run?.isLive) watch(news.run);
  });
  opened.addEventListener("open", async () => {
    if (byId("notice").textContent === LOST) say("");
    await list(); // what began while the connection was lost, or this page asleep, was told to nobody
    const latest = newest()?.run;
    if (stream === opened && followsNewest && !run?.isLive && latest && latest !== run?.id) watch(latest);
  });
  opened.addEventListener("error", () => {
    if (stream !== opened) return;
    say(LOST);
    if (opened.readyState === EventSource.CLOSED) setTimeout(() => stream === opened && again(), AGAIN_MS);
  });
}

// The server has said no to the stream: is it this page that is no longer let in, or the run that is gone?
async function again() {
  const asked = run?.id;
  const answer = await fetch(`/events${asked ? `?run=${encodeURIComponent(asked)}` : ""}`, { method: "HEAD" }).catch(() => null);
  if (answer?.status === 401) say(`This page is no longer let in – open a new link. ${WAY_IN}`);
  else if (answer?.status === 404 && asked === run?.id) {
    say("This run is not there any more – choose another one under Runs.");
    watch(null);
  } else connect();
}

// A browser has six connections to a server: a page that nobody sees gives its own back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else if (!stream && words.felix) {
    list();
    connect();
  }
});

// -- what may be done, where the server allows it -------------------------------------------------------------------------

function offer() {
  byId("show-runs").hidden = false;
  byId("ask").hidden = !words.allow_control;
  byId("workflow").replaceChildren(...words.workflows.map(([key, name]) => {
    const option = make("option", "", harmless(name));
    option.value = key;
    return option;
  }));
}

function send(place, body) {
  return fetch(place, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-App": "1" },
    body: JSON.stringify(body),
  }).catch(() => null);
}

async function begin() {
  const field = byId("wanted");
  if (!field.value.trim() || byId("begin").disabled) return;
  byId("begin").disabled = true;
  const answer = await send("/chat/stream", { message: field.value, workflow: byId("workflow").value });
  if (answer?.ok) {
    await answer.body.cancel(); // the run goes on, and is watched like every other
    field.value = "";
    followsNewest = true;
    history.pushState(null, "", "/");
    say("");
    watch(answer.headers.get("X-Conversation-Id"));
  } else say(answer ? (await answer.json()).error : LOST);
  byId("begin").disabled = !field.value.trim();
}

byId("wanted").addEventListener("input", () => {
  byId("begin").disabled = !byId("wanted").value.trim();
});
byId("wanted").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) begin();
});
byId("begin").addEventListener("click", begin);
byId("stop").addEventListener("click", async () => {
  byId("stop").disabled = true;
  const answer = await send(`/runs/${encodeURIComponent(run.id)}/stop`, {});
  byId("stop").disabled = false;
  if (!answer?.ok) say(answer ? (await answer.json()).error : LOST);
});

// -- the frames -----------------------------------------------------------------------------------------------------------

function draw() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    if (run) paint();
  });
}

function paint() {
  const changed = run.changed;
  run.changed = new Set();
  if (changed.has("run")) paintRun();
  paintBadge();
  helix.show(run);
  for (const agent of run.agents.values()) {
    let card = cards.get(agent);
    if (!card) {
      cards.set(agent, (card = new Card(agent, `agent-${cards.size}`, cited)));
      byId("wall").append(card.element);
      card.show();
    } else if (changed.has(agent)) card.show();
  }
  for (const speech of run.syntheses) {
    let view = syntheses.get(speech);
    if (!view) {
      syntheses.set(speech, (view = new Synthesis(speech, cited)));
      byId("syntheses").prepend(view.element);
      view.show();
    } else if (changed.has(speech)) view.show();
  }
}

// The element's id of an agent that is cited.
function cited(name) {
  return cards.get(run?.agents.get(name))?.element.id;
}

function paintRun() {
  const { plan } = run;
  if (plan) {
    put(byId("task"), harmless(plan.task));
    const model = plan.demo ? "Demo model" : plan.model;
    put(byId("about"), harmless([plan.workflow, model, plan.server_name].filter(Boolean).join(" · ")));
    document.title = `${harmless(plan.task).slice(0, 80)} – Felix`;
  }
  byId("reason").hidden = !run.reason;
  byId("reason").className = `trouble ${standingOf(run)[0]}`;
  put(byId("reason"), harmless(run.reason));
  byId("deeds").hidden = !run.deeds.length;
  byId("deeds").lastElementChild.replaceChildren(...run.deeds.map(([at, sentence]) => {
    const item = make("li");
    item.append(make("time", "", duration(at - run.startedAt)), make("span", "", harmless(sentence)));
    return item;
  }));
  const place = `/runs/${encodeURIComponent(run.id)}/export.`;
  byId("exports").replaceChildren(...["md", "html", "json"].map((kind) => {
    const link = make("a", "", { md: "Markdown", html: "Page", json: "JSON" }[kind]);
    link.href = place + kind;
    link.download = "";
    return link;
  }));
  tick();
}

function paintBadge() {
  const [tone, word] = standingOf(run);
  byId("stop").hidden = !(words.allow_control && run.isLive);
  if (run.asks) badge.set(words.activities.asking);
  else if (run.isLive && run.synthesis?.isLive) badge.set([tone, "Synthesis"]);
  else if (run.isLive && run.round) badge.set([tone, `Round ${run.round} of ${run.rounds.length}`]);
  else badge.set([tone, word[0].toUpperCase() + word.slice(1)]);
}

// Tone and word of a run; also of its row in the list.
function standingOf({ status }) {
  const tone = status === null ? "write" : status === "complete" ? "done" : words.tones[status] ?? "fail";
  return [tone, words.run_endings[status ?? "running"] ?? status];
}

function tick() {
  if (!run) return;
  const now = Date.now() / 1000;
  put(byId("clock"), run.startedAt ? duration((run.endedAt ?? now) - run.startedAt) : "");
  timeline.show(run, now);
  for (const card of cards.values()) card.tell(now);
  for (const view of syntheses.values()) view.tell(now);
}

enter();
