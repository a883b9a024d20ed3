"""What stays in the terminal when the wall has gone: the team in short, the whole synthesis, the figures."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from felix.cli.wall.answer import markdown
from felix.cli.wall.lines import fit, in_a_line
from felix.cli.wall.looks import BOLD, DIM, WAITS, WRONG, badge_of, role_style, turn_of
from felix.ledger.speech import Agent, Thought
from felix.ledger.state import RunState
from felix.ledger.words import RUN_ENDINGS, duration, figures, lacking, left_out, model_of, tokens

_EXCERPT_LINES = 6
"""Of each agent's last words, where there is no synthesis to read."""


def show(console: Console, state: RunState, *, is_kept: bool) -> None:
    """Print a run that has ended, or what is there of one that has not; `is_kept`: it can be found again."""
    for part in _parts(state, console.width, is_kept=is_kept):
        console.print(part, highlight=False)


def _parts(state: RunState, width: int, *, is_kept: bool) -> Iterator[RenderableType]:
    plan = state.plan
    if plan is not None:
        yield _words(f"{in_a_line(plan.workflow)}", BOLD, (f" · {in_a_line(model_of(state))}", DIM))
        yield _words(f"▸ {fit(in_a_line(plan.task), max(2, width - 2)).rstrip()}", None)
    names = max((cell_len(in_a_line(agent.agent_id)) for agent in state.agents.values()), default=0)
    for agent in state.agents.values():
        yield _agent(agent, state, names, width)
    synthesis = state.synthesis
    if synthesis is not None and synthesis.answer:
        badge = badge_of(synthesis, state)
        yield Text()
        yield Rule(Text(f"Synthesis {badge}", style=badge.style), align="left", style=DIM)
        yield markdown(str(synthesis.answer))
        yield Rule(style=DIM)
    else:
        yield from _last_words(state)
        yield Text()
    for missing in left_out(state):
        yield _words(in_a_line(lacking(missing)), WAITS)
    for sentence in (synthesis.error, *synthesis.notes) if synthesis is not None else ():
        if sentence and sentence != state.reason:
            yield _words(in_a_line(sentence), WAITS)
    yield from _figures(state)
    if state.run is not None and is_kept:
        yield _words(f"Kept as {state.run}", DIM, (f" – felix show {state.run}", DIM))


def _agent(agent: Agent, state: RunState, names: int, width: int) -> Text:
    """A line for each: who, how it ended, and its figures."""
    badge = badge_of(turn_of(agent), state)
    own = [thought for thought in agent.thoughts if thought.act != "ask"]
    words = []
    if own:
        words.append("1 thought" if len(own) == 1 else f"{len(own)} thoughts")
        words.append(f"{tokens(list(own))} tokens")
        words.append(f"depth {agent.depth:.2f}")
    calls = [call for thought in own for call in thought.calls]
    if calls:
        words.append("1 tool call" if len(calls) == 1 else f"{len(calls)} tool calls")
    if agent.confidence is not None:
        words.append(f"sure {agent.confidence:.2f}")
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{fit(in_a_line(agent.code), 3)} ", role_style(agent.role, state) + BOLD)
    text.append(f"{fit(in_a_line(agent.agent_id), names)}  ")
    text.append(fit(str(badge), 13), badge.style)
    text.append(f" {' · '.join(words)}", DIM)
    error = turn.error if (turn := turn_of(agent)) is not None and turn.status != "complete" else None
    if error:
        text.append(f" – {in_a_line(error)}", WRONG)
    broken = [call.name for call in calls if call.has_begun and call.status in (None, "stopped", "interrupted")]
    if broken:
        text.append(f" – {in_a_line(', '.join(broken))} was under way", WRONG)
    text.truncate(width, overflow="ellipsis")
    return text


def _last_words(state: RunState) -> Iterator[RenderableType]:
    """What the agents wrote last, where nothing was made of it."""
    for agent in state.agents.values():
        thought = next((each for each in reversed(agent.thoughts) if each.answer), None)
        if thought is not None:
            yield Text()
            yield _words(f"{in_a_line(agent.agent_id)}", BOLD, (f" {_where(thought)}", DIM))
            text = str(thought.answer)
            lines = text.strip().splitlines()
            yield Padding(markdown("\n".join(lines[:_EXCERPT_LINES])), (0, 0, 0, 2))
            if len(lines) > _EXCERPT_LINES:
                yield _words(f"  … {len(lines) - _EXCERPT_LINES} more lines", DIM)


def _where(thought: Thought) -> str:
    return f"round {thought.round}, depth {thought.checkpoint:.2f}"


def _figures(state: RunState) -> Iterator[Text]:
    # whoever leaves before the end ends it: what follows is not seen any more
    how = RUN_ENDINGS[state.status].capitalize() if state.status else "Left before its end, which stops it"
    spent = f" in {duration(state.duration_s)}" if state.duration_s is not None else ""
    style = BOLD if state.status == "complete" else WAITS if state.status in (None, "stopped") else WRONG
    rest = [f"{value}" if name == "Answers" else f"{name.lower()} {value}" for name, value in figures(state)[1:]]
    rest = [words for words in rest if not words.startswith("time ")]
    yield _words(f"{how}{spent}", style, (f" · {' · '.join(in_a_line(words) for words in rest)}", DIM))
    if state.reason:
        yield _words(in_a_line(state.reason), style)


def _words(text: str, style: object, *more: tuple[str, object]) -> Text:
    whole = Text()
    for part, look in ((text, style), *more):
        whole.append(part, look or "")  # type: ignore[arg-type]  # a Style or nothing
    return whole
