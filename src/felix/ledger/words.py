"""What is said of a run in words outside the window, and what makes a model's text harmless to who reads it there."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import PurePath

from felix.events import Act, LeftOut, RunStatus, Status, ToolStatus
from felix.ledger.speech import Agent, Call, Speech, Thought
from felix.ledger.state import RunState

ENDINGS: dict[Status | str, str] = {
    "complete": "complete",
    "truncated": "cut short",
    "refused": "refused",
    "stopped": "stopped",
    "failed": "failed",
    "unconfirmed": "unconfirmed",
    "interrupted": "interrupted",
    "unheard": "not heard",
}
"""Status -> the word a reader knows it by."""

_DEEDS: dict[Act, str] = {"ask": "Asked {}", "retry": "{} tries again", "continue": "{} goes on"}
_DEEDS_OF_MANY: dict[Act, str] = {"ask": "Asked {}", "retry": "{} try again", "continue": "{} go on"}

RUN_ENDINGS: dict[RunStatus | None, str] = {
    None: "going on",
    "complete": "complete",
    "failed": "failed",
    "stopped": "stopped",
    "crashed": "crashed",
    "interrupted": "interrupted",
}

_CALLS: dict[ToolStatus | None, str] = {
    None: "going on",
    "ok": "done",
    "failed": "failed",
    "refused": "not done",
    "stopped": "stopped",
    "interrupted": "interrupted",
}

_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD) | dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def harmless(text: str) -> str:
    """`text` with a visible symbol for every control character but tab and line break, and for every half character.

    A file must not command the terminal that shows it. Its length in characters stays, but for CR LF.
    """
    text = text.replace("\r\n", "\n")
    return text.translate(_CONTROLS) if _CONTROL.search(text) else text


def left_out(state: RunState) -> tuple[LeftOut, ...]:
    """Who failed, was cut short or is not in the synthesis, in the order of the workflow."""
    if state.synthesis is None:
        return ()
    order = {agent_id: place for place, agent_id in enumerate(state.agents)}
    return tuple(sorted(state.synthesis.left_out, key=lambda each: order.get(each.agent_id, len(order))))


def lacking(missing: LeftOut) -> str:
    """`Without research-3 (failed): The server stopped answering.`, or `Only in part` of whom something was read."""
    sentence = missing.reason.strip()
    who = f"{missing.agent_id} ({ENDINGS[missing.status]})"
    return f"{'Only in part' if missing.is_heard else 'Without'} {who}" + (f": {sentence}" if sentence else "")


def model_of(state: RunState) -> str:
    """`qwen3-8b on LM Studio`; the demo model says what it is."""
    plan = state.plan
    if plan is None:
        return ""
    if plan.demo:
        return f"{plan.model} (demo model, scripted text)"
    return f"{plan.model} on {plan.server_name}" if plan.server_name else plan.model


def places(state: RunState) -> tuple[str, ...]:
    """Where a run asks, in the order of its agents: names of endpoints, or of the server where one has no name.

    Where somebody will be asked who names no endpoint is known as soon as they are. A pool counts until it is known
    which machines it has.
    """
    asked: list[str] = []
    pools: set[str] = set()
    for agent in state.agents.values():
        asked += [_place(state, thought) for thought in agent.thoughts] or [agent.endpoint]
        if any(thought.endpoint not in ("", agent.endpoint) for thought in agent.thoughts):
            pools.add(agent.endpoint)
    asked += [_place(state, each) for each in state.syntheses]
    actual = {thought.endpoint for thought in state.thoughts.values()}
    return tuple(place for place in dict.fromkeys(asked) if place and (place in actual or place not in pools))


def place_of(state: RunState, who: Agent | Speech) -> str:
    """`Ollama · llama3.1:8b`: where that was or is asked; empty in a run that asks one server alone."""
    if len(places(state)) < 2:
        return ""
    speech = who.latest if isinstance(who, Agent) else who
    if speech is not None:
        place, model = _place(state, speech), speech.model
    else:
        assert isinstance(who, Agent)
        place, model = who.endpoint, who.model
    return " · ".join(part for part in (place, model) if part) if place else ""


def _place(state: RunState, speech: Speech) -> str:
    """Empty as long as it is not known."""
    if speech.endpoint:
        return speech.endpoint
    if isinstance(speech, Thought) and speech.is_live and speech.agent_id in state.agents:
        planned = state.agents[speech.agent_id].endpoint
        if planned or speech.asked_at is None:
            return planned  # it may be a pool, of which it is not known yet which it will be
    elif speech.is_live and speech.asked_at is None:
        return ""
    return (state.plan.server_name or state.plan.server) if state.plan else ""


def deed_of(state: RunState) -> str:
    """What goes on in a run that had ended, `Asked research-1`; empty in any other, and where its rounds go on."""
    if state.reopened_at is None:
        return ""
    live = [thought for thought in state.thoughts.values() if thought.is_live and thought.act is not None]
    if live and (act := live[-1].act) is not None:
        count = len({thought.agent_id for thought in live if thought.act == act})
        if count > 1:
            return _DEEDS_OF_MANY[act].format(f"{count} agents")
        return _DEEDS[act].format(live[-1].agent_id)
    if state.synthesis is None:
        return ""
    return "Synthesis" if state.synthesis.is_live else "Going on"


def began(state: RunState) -> str:
    """`2026-11-21 02:55`, by this machine's clock."""
    return datetime.fromtimestamp(state.started_at).astimezone().strftime("%Y-%m-%d %H:%M")


def facts(thought: Thought, place: str = "") -> str:
    """`round 2, depth 0.30, confidence 0.70, cut short`: where a thought stands and what it is worth.

    `place` is where it was asked, if that is to be said.
    """
    words = [f"round {thought.round}", f"depth {thought.checkpoint:.2f}"]
    match thought.act:
        case "retry":
            words.append("tried again")
        case "continue":
            words.append("continued")
        case "ask":
            words.append("asked by you")
    if thought.confidence is not None:
        words.append(f"confidence {thought.confidence:.2f}")
    if thought.status != "complete":
        words.append(ending(thought))
    if place:
        words.append(place)
    return ", ".join(words)


def ending(speech: Speech) -> str:
    """How an answer ended, in a word or two; what has no end yet is unfinished as well."""
    return "still being written" if speech.status is None else ENDINGS[speech.status]


def called(call: Call) -> str:
    """`calculator – done, 0.2 s`, with why it was not."""
    took = f", {duration(call.duration_s)}" if call.duration_s else ""
    why = f": {call.error}" if call.error else ""
    return f"{call.name} – {_CALLS[call.status]}{took}{why}"


def cut_line(call: Call) -> str:
    """What the model was not given of a result; empty when it was given all."""
    if call.characters <= len(call.content):
        return ""
    return f"The model was given {len(call.content):,} of {call.characters:,} characters"


def kept_line(call: Call) -> str:
    """The same, and where the whole is."""
    line = cut_line(call)
    return f"{line}; {beside_ledger(call.file)} beside the ledger has all of them" if line and call.file else line


def beside_ledger(file: str) -> str:
    """`results/…/….txt`: where a result is kept, without what it says of its user's folders."""
    return "/".join(PurePath(file).parts[-3:])


def duration(value: float) -> str:
    """`24 s`, from a minute on `1:12`, from an hour on `1:02:05`; parts of a second are dropped."""
    minutes, rest = divmod(max(0, int(value)), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def thought_for(speech: Speech) -> str:
    """`Thought for 12 s`: all its thinking together, without what it did in between."""
    spent = speech.spent_s("thinking", now=speech.opened_at)
    return f"Thought for {duration(spent) if spent >= 1 else 'under 1 s'}" if spent else "Thought"


def amount(cost: float) -> str:
    """Money, in whatever the user counts it: `12.40`, below one with more digits."""
    if cost >= 1 or cost == 0:
        return f"{cost:,.2f}"
    return f"{cost:.4f}" if cost >= 0.0001 else "less than 0.0001"


def figures(state: RunState) -> list[tuple[str, str]]:
    """The figures of a run as (name, words); "~" before what no server has counted."""
    speeches = speeches_of(state)
    rows = [("State", RUN_ENDINGS[state.status])]
    if state.duration_s is not None:
        rows.append(("Time", duration(state.duration_s)))
    thoughts, agents = _counted(len(state.thoughts), "thought"), _counted(len(state.agents), "agent")
    rows.append(("Answers", f"{thoughts} of {agents}, {syntheses_of(state)}"))
    if len(asked := places(state)) > 1:
        answers = Counter(_place(state, speech) for speech in speeches)
        rows.append(("Asked", ", ".join(f"{place} ({answers[place]})" for place in asked)))
    if any(speech.tokens or speech.usage for speech in speeches):
        rows.append(("Tokens written", tokens(speeches)))
    if state.usage is not None:
        rows.append(("Tokens read", f"{state.usage.prompt:,}"))
    if (speed := tokens_per_s(speeches)) is not None:
        rows.append(("Speed of one answer", f"{speed:.0f} tok/s"))
    if (mean := mean_confidence(state)) is not None:
        rows.append(("Mean confidence", f"{mean:.2f}"))
    return rows


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def speeches_of(state: RunState) -> list[Speech]:
    """Every answer of a model in this run."""
    return [*state.thoughts.values(), *state.syntheses]


def syntheses_of(state: RunState) -> str:
    count = len(state.syntheses)
    return f"{count or 'no'} synthes{'is' if count < 2 else 'es'}"


def tokens(speeches: list[Speech]) -> str:
    """All they wrote, counted by the server; "~" as soon as one was only estimated."""
    is_estimate = any(speech.usage is None and speech.tokens for speech in speeches)
    total = sum(speech.usage.completion if speech.usage else speech.tokens for speech in speeches)
    return f"{'~' * is_estimate}{total:,}"


def tokens_per_s(speeches: list[Speech]) -> float | None:
    """The middle one of the answers' speeds; None when none is known."""
    speeds = sorted(speech.tokens_per_s for speech in speeches if speech.tokens_per_s)
    return speeds[len(speeds) // 2] if speeds else None


def mean_confidence(state: RunState) -> float | None:
    """Of what each agent stated last; None when nobody stated any."""
    stated = [agent.confidence for agent in state.agents.values() if agent.confidence is not None]
    return sum(stated) / len(stated) if stated else None


_NOT_A_NAME = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def file_stem(task: str) -> str:
    """A file name to offer, without its ending, from the first words of a task."""
    words = re.findall(r"\w+", task[:1_000])[:6]
    stem = "-".join(words).lower().encode("utf-8", "ignore")[:80].decode("utf-8", "ignore").rstrip("-")
    return f"run-{stem}" if stem in _NOT_A_NAME else stem or "run"
