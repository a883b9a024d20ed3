"""What a card says while its server loads, reads, is busy or is given up for another, and who answers."""

from __future__ import annotations

import asyncio

import pytest

from felix.errors import ServerError
from felix.events import Again, AgentId, QuestionRaised, RoundStarted, RunReopened, SynthesisStarted, WrapUpAsked
from felix.gui.course.timeline_spans import words_of
from felix.gui.wall.card_words import badge_for, badge_of, meta, waiting_of
from felix.gui.wall.offers import offers_for
from felix.ledger.export import markdown
from felix.ledger.run_clock import RunClock
from felix.ledger.words import deed_of, figures, place_of, places
from felix.llm.chat import Progress
from felix.llm.patience import with_retries
from tests.gui.scene import Scene


def told(error: ServerError) -> list[Again | None]:
    """What a client says while it waits to ask again."""
    said: list[Progress] = []
    attempts = iter((error, None))

    async def attempt() -> None:
        if (fault := next(attempts)) is not None:
            raise fault

    asyncio.run(with_retries(attempt, lambda: True, said.append))
    return [each.again for each in said]


def scene(*, activity: str, **details: object) -> Scene:
    scene = Scene(("research-1", "research-2"), ago=60)
    scene.act("research-1", activity, 48, **details)
    return scene


def badge(scene: Scene, *, short: bool = False) -> str:
    return badge_for(scene.state.agents[scene.ids[0]], scene.state, short=short).word


@pytest.mark.parametrize(
    ("activity", "fraction", "words"),
    [
        ("loading", 0.65, "Loading 65 %"),
        ("loading", 0.0, "Loading 0 %"),
        ("loading", None, "Loading, 12 s"),
        ("reading", 0.4, "Reading prompt 40 %"),
        ("reading", None, "Reading prompt"),
    ],
)
def test_a_percentage_is_the_servers_and_without_one_a_load_counts_seconds(
    activity: str, fraction: float | None, words: str
) -> None:
    assert badge(scene(activity=activity, fraction=fraction)) == words


def test_the_middle_of_a_card_names_the_model_that_is_loaded_and_how_long() -> None:
    loading = scene(activity="loading", detail="gemma-3-27b")
    agent = loading.state.agents[loading.ids[0]]
    waiting = waiting_of(agent, loading.state, loading.state.now)
    assert waiting is not None and (waiting.sentence, waiting.detail) == (
        "The server loads the model",
        "gemma-3-27b, 12 s",
    )


def test_a_busy_server_is_counted_down_in_the_badge() -> None:
    busy = ServerError("The server is overloaded – wait.", fault="overloaded", retryable=True, retry_after_s=0.2)
    (again,) = told(busy)
    assert badge(scene(activity="retrying", again=again)) == "Busy, again in 0.2 s"
    assert badge(scene(activity="retrying", again=again), short=True) == "Again in 0.2 s"
    assert badge(scene(activity="retrying", again=Again(number=1, in_s=6.2))) == "Again in 7 s"
    assert badge(scene(activity="retrying")) == "Retrying"


def test_another_server_that_is_asked_instead_is_named() -> None:
    detail = "Studio does not answer – asking Ollama for llama3.1:8b"
    elsewhere = scene(activity="retrying", detail=detail, again=Again(at="Ollama"))
    assert badge(elsewhere) == "Asking Ollama"
    agent = elsewhere.state.agents[elsewhere.ids[0]]
    waiting = waiting_of(agent, elsewhere.state, elsewhere.state.now)
    assert waiting is not None and waiting.sentence == "Asking elsewhere" and waiting.detail.startswith("Studio does")
    long = scene(activity="retrying", again=Again(at="The large machine in the cellar"))
    assert badge(long) == "Asking The large machine…"


def mixed() -> Scene:
    scene = Scene(("research-1", "critic-1"), ago=60)
    scene.act("research-1", "connecting", 1, endpoint="Studio", model="qwen3-8b")
    scene.act("critic-1", "connecting", 1, endpoint="Ollama", model="llama3.1:8b")
    for agent in ("research-1", "critic-1"):
        scene.say(agent, "Something.", 2)
    return scene


def test_who_answers_is_told_where_a_run_asks_several_servers() -> None:
    run = mixed()
    first, second = run.state.agents.values()
    assert places(run.state) == ("Studio", "Ollama")
    assert place_of(run.state, second) == "Ollama · llama3.1:8b"
    assert meta(first, run.state).endswith("·  Studio") and meta(second, run.state).endswith("·  Ollama")
    thought = run.thought("critic-1")
    assert "Ollama · llama3.1:8b" in words_of(
        second.agent_id, thought, RunClock(run.state.started_at), run.state.now, place_of(run.state, thought)
    )
    for agent in ("research-1", "critic-1"):
        run.end(agent)
    text = markdown(run.state)
    assert "### round 1, depth 0.30, Studio · qwen3-8b" in text
    assert ("Asked", "Studio (1), Ollama (1)") in figures(run.state)


def test_a_run_against_one_server_names_none() -> None:
    run = Scene(("research-1",))
    run.say("research-1", "Something.")
    agent = run.state.agents[run.ids[0]]
    assert place_of(run.state, agent) == "" and "LM Studio" not in meta(agent, run.state)
    assert not [value for name, value in figures(run.state) if name == "Asked"]


def test_agents_that_wait_for_the_one_server_are_no_second_one() -> None:
    run = Scene(("research-1", "critic-1"))
    run.act("research-1", "connecting", 1, endpoint="Studio")
    run.act("critic-1", "queued", 1, position=1)
    assert places(run.state) == ("Studio",), "the one in use has a name, which is told when it is asked"
    run.act("critic-1", "connecting", 2, endpoint="Studio")
    run.say("research-1", "Something.")
    run.end("research-1")
    run.tell(SynthesisStarted(sources=(), left_out=(), early=False, mean_confidence=None, reason=""), 40)
    assert places(run.state) == ("Studio",)


def test_the_hub_may_ask_elsewhere_too() -> None:
    run = Scene(("research-1",))
    run.say("research-1", "Something.")
    run.end("research-1")
    run.tell(SynthesisStarted(sources=(), left_out=(), early=False, mean_confidence=None, reason=""), 40)
    assert run.state.synthesis is not None
    run.state.synthesis.endpoint = "Groq"
    assert places(run.state) == ("LM Studio", "Groq")
    assert badge_of(run.state.synthesis).word == "Connecting"


def test_while_a_guard_asks_about_silence_the_badge_counts_it() -> None:
    told = Scene(ago=60)
    told.say("research-1", "Half of it", 2)
    assert badge_for(told.state.agents[AgentId("research-1")], told.state).word == "Writing"
    asked = QuestionRaised(question_id="q", doubt="silent", agent_id=AgentId("research-1"), text="It has been silent.")
    told.tell(asked, 19)
    told.state.now = told.state.started_at + 19
    assert badge_for(told.state.agents[AgentId("research-1")], told.state).word == "Silent, 17 s"


def test_after_wrapping_up_those_who_were_not_heard_are_not_promised_a_turn() -> None:
    told = Scene()
    told.tell(WrapUpAsked(), 5)
    agent = told.state.agents[AgentId("critic-1")]
    assert badge_for(agent, told.state).word == "Not heard"
    waiting = waiting_of(agent, told.state, 0)
    assert waiting is not None
    assert (waiting.sentence, waiting.detail) == ("Not heard", "Wrapped up before its turn")


def test_many_who_try_again_are_counted() -> None:
    told = Scene()
    for name in ("research-1", "critic-1"):
        told.say(name, "Half of it", 2)
        told.end(name, "failed")
    told.finish("failed", 30)
    told.tell(RunReopened(reason="Continued."), 31)
    told.ask("research-1", "retry", 2, of="research-1#1")
    assert deed_of(told.state) == "research-1 tries again"
    told.ask("critic-1", "retry", 2, of="critic-1#1")
    assert deed_of(told.state) == "2 agents try again"


def test_an_agent_that_will_be_asked_again_says_so_as_soon_as_its_run_goes_on() -> None:
    told = Scene()
    for name, status in (("research-1", "complete"), ("critic-1", "interrupted")):
        told.say(name, "Half of it", 2)
        told.end(name, status)  # type: ignore[arg-type]
    told.finish("interrupted", 31)
    agent = told.state.agents[AgentId("critic-1")]
    assert badge_for(agent, told.state).word == "Interrupted" and "retry" in offers_for(agent, told.state)
    told.tell(RunReopened(reason="Continued.", is_continued=True), 40)
    assert badge_for(agent, told.state).word == "Connecting" and offers_for(agent, told.state) == {"ask"}
    told.tell(RoundStarted(number=2, total=2, t=0.5, agents=()), 41)
    assert badge_for(agent, told.state).word == "Not yet"
    told.tell(WrapUpAsked(), 42)
    assert badge_for(agent, told.state).word == "Interrupted", "now nobody asks it any more"


def test_a_run_that_is_continued_counts_what_is_whole() -> None:
    told = Scene()
    for name, status in (("research-1", "complete"), ("research-2", "failed"), ("critic-1", "unconfirmed")):
        told.say(name, "Half of it", 2)
        told.end(name, status)  # type: ignore[arg-type]
    assert told.state.turns_ended == 3
    told.finish("failed", 31)
    told.tell(RunReopened(reason="Continued."), 40)
    assert told.state.turns_ended == told.state.calls_ended == 1
    told.ask("research-2", "retry", 2, of="research-2#1", at=41)
    told.say("research-2", "All of it", 42)
    told.end("research-2", at=43)
    assert told.state.turns_ended == 2
