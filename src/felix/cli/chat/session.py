"""`felix chat`: questions and answers, one agent's or a whole team's, until its user has had enough."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from felix import log, places
from felix.cli.asking import Asking, can_ask
from felix.cli.chat.margin import at_words
from felix.cli.chat.questions import Questions
from felix.cli.chat.typing import Typing
from felix.cli.chat.voice import Voice
from felix.cli.faces import shows_wall
from felix.cli.given import given_settings, usable_workflow
from felix.cli.interrupts import Interrupts
from felix.cli.kept import find
from felix.cli.keys import Keys
from felix.cli.output import COMPLETE, FAILED, STOPPED, WRONG, Output, give_up_stdout, not_kept, note
from felix.engine import Engine
from felix.errors import FelixError
from felix.events import Exchange, Record, RunFinished, RunId
from felix.keys import environment_fault
from felix.ledger.conversation import answer_of, conversation
from felix.ledger.health import Health
from felix.ledger.reader import Reader
from felix.ledger.state import RunState
from felix.llm.models import ServerReport
from felix.settings import Settings, SettingsFile
from felix.team.mailbox import Reply
from felix.team.workflow import Workflow, from_json
from felix.terminal import safe

ALONE = "one_agent"
"""The workflow of who names none."""
_FRAME_S = 0.03
"""Between two looks at what has come: as text flows."""
_ANSWER_S = 30.0
"""How long a server may take to say which models it has."""

_MOST_NAMED = 10
"""Models, beside a name that is not among them; `/model` lists them all."""

_HELP = """\
/model NAME  ask this model from now on; without NAME: which there are
/new         begin another conversation
/save FILE   write this one down, as Markdown
/stop        end the answer that comes, and keep what came; so does Ctrl-C
/quit        leave; so does Ctrl-D
/help        this
What you type while an answer comes is asked next. A line that ends with \\ goes on in the next one. Between two lines
of \"\"\" all is one question.
"""


def run(options: argparse.Namespace) -> int:
    """Carry `felix chat` out; the exit status: 0, 1 when the last answer failed, 2 wrong usage, 130 interrupted."""
    try:
        settings = given_settings(options)
        ledger = places.ledger_file(options.ledger or settings.current.ledger_path)
        before = _before(ledger, options.go_on) if options.go_on else None
        workflow = _workflow(options.workflow, before, settings.current)
    except FelixError as error:
        note(str(error))
        return WRONG
    if not options.demo and (fault := environment_fault()):
        note(fault)
    if trouble := log.start(places.log_file(), verbosity=options.verbose, detailed=settings.current.verbose_log):
        note(trouble)
    try:
        out = Output()
        with Engine(settings, ledger=ledger, asks=can_ask(out)) as engine:
            if not engine.health.is_kept:
                note(not_kept(engine.health, "this conversation is"))
                if before is not None:
                    return FAILED
            return Session(engine, settings, workflow, before, out, is_demo=options.demo).talk(options.question)
    except BrokenPipeError:
        give_up_stdout()
        return STOPPED
    except OSError as error:
        note(f"The output could not be written ({error.strerror}) – make room for it, then try again.")
        give_up_stdout()
        return FAILED
    finally:
        log.stop()


def _before(ledger: Path, wanted: str) -> RunState:
    """The run that is gone on with. Raises LedgerError."""
    with Reader(ledger) as reader:
        return reader.state(find(reader, wanted).run)


def _workflow(wanted: str, before: RunState | None, settings: Settings) -> Workflow:
    """The one that is named, else that of the run before. Raises WorkflowError."""
    if not wanted and before is not None and before.plan is not None and before.plan.definition:
        return from_json(before.plan.definition)
    return usable_workflow(wanted or ALONE, settings)


class Session:
    """One conversation after another, on the main thread."""

    def __init__(
        self,
        engine: Engine,
        settings: SettingsFile,
        workflow: Workflow,
        before: RunState | None,
        out: Output,
        *,
        is_demo: bool,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._workflow = workflow
        self._is_demo = is_demo
        self._out = out
        self._is_fancy = shows_wall(self._out, os.environ)
        self._mailbox = engine.subscribe()
        self._questions = Questions()
        self._typing = Typing()
        self._last: RunId | None = before.run if before is not None else None
        """The run that the next one follows: the last one that had an answer."""
        self._said = list(conversation(before)) if before is not None else []
        self._status = COMPLETE
        self._health = engine.health

    def talk(self, question: str) -> int:
        """Until the end of the questions; the exit status."""
        self._greet()
        if question.strip():
            self._echo(question)
            self._answer(question)
        may_leave = False
        while True:
            try:
                is_typed_ahead = self._questions.are_waiting
                said = self._questions.next()
                if said and is_typed_ahead:
                    self._echo(said)
            except KeyboardInterrupt:
                self._out.write("\n")
                if may_leave:
                    return STOPPED
                may_leave = True
                self._tell("Ctrl-C again, Ctrl-D or /quit leaves.")
                continue
            may_leave = False
            if said is None and self._is_fancy:
                self._out.write("\n")
            if said is None or said.strip() == "/quit":
                break
            if said.strip().startswith("/"):
                self._obey(said.strip())
            elif said.strip():
                self._answer(said)
        if self._is_fancy and self._last is not None and self._engine.health.is_kept:
            self._tell(f"Kept – felix chat --continue {self._last} goes on.")
        self._out.flush()
        return self._status

    def _greet(self) -> None:
        if not self._is_fancy:
            return
        whom = self._workflow.name if not self._is_demo else f"{self._workflow.name}, demo model (scripted text)"
        self._tell(f"{whom} – /help lists what else can be done, Ctrl-D leaves.")
        if self._said:
            last = self._said[-1]
            self._echo(last.task)
            self._out.write(f"{at_words(safe(last.answer).rstrip())}\n\n")

    def _echo(self, question: str) -> None:
        if self._is_fancy:
            self._out.write(f"{at_words(f'› {safe(question)}')}\n")

    def _tell(self, sentence: str) -> None:
        """Something beside the conversation: dim at a terminal, on stderr in a pipe."""
        if self._is_fancy:
            self._out.write(f"\x1b[2m{at_words(safe(sentence))}\x1b[22m\n")
            self._out.flush()
        else:
            self._out.note(sentence)

    # ---------------------------------------------------------------- an answer

    def _answer(self, question: str) -> None:
        """Ask, and write the answer as it comes. Ctrl-C or `/stop` ends it, Ctrl-C twice ends Felix."""
        engine = self._engine
        run = engine.start(question, self._workflow, demo=self._is_demo, follows=self._last)
        voice = Voice(self._out, is_alone=self._workflow.synthesis.skip, is_fancy=self._is_fancy)
        asking = Asking(
            lambda call, leave: engine.answer_tool(run, call, leave),
            lambda guard, stop: engine.answer(run, guard, stop=stop),
        )
        interrupts = Interrupts(lambda: engine.stop(run))
        try:
            with Keys(is_wanted=can_ask(self._out)) as keys:
                while not self._hear(run, voice):
                    self._watch(run, voice, keys, asking)
                    self._out.flush()
                    time.sleep(_FRAME_S)
                voice.release()
        finally:
            interrupts.restore()
        self._questions.begun, self._typing.line = self._typing.line, ""
        voice.end()
        self._out.write("\n")
        self._out.flush()
        if voice.answer.strip():
            self._last = run
            self._said.append(Exchange(task=question, answer=answer_of(voice.state)))
        self._status = COMPLETE if voice.state.status == "complete" else FAILED
        if interrupts.has_stopped or voice.state.status == "stopped":
            self._status = COMPLETE  # as its user wished

    def _hear(self, run: RunId, voice: Voice) -> bool:
        """Take what came; whether the run has ended."""
        is_over = False
        for item in self._mailbox.take():
            if isinstance(item, Health) and item != self._health and not item.is_kept:
                self._health = item  # a disk has filled up meanwhile
                self._tell(not_kept(item, "this conversation is"))
            if isinstance(item, Record) and item.run == run:
                voice.apply(item)
                is_over = is_over or isinstance(item.event, RunFinished)
        return is_over

    def _watch(self, run: RunId, voice: Voice, keys: Keys, asking: Asking) -> None:
        """One frame: what has come of the answer, unless its user types or is asked something."""
        if not keys.are_there:
            voice.frame(time.time())
            return
        pressed = keys.pressed()
        if question := asking.hear(voice.state, pressed):
            voice.ask(question)
            return
        for line in self._typing.take(pressed):
            voice.release()
            if line.strip() == "/stop":
                self._engine.stop(run)
            else:
                self._questions.add(line)
                self._tell(f"Asked next: {line}")
        if self._typing.line:
            voice.hold(self._typing.line)
        else:
            voice.frame(time.time())

    # ---------------------------------------------------------------- commands

    def _obey(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "/help":
                self._out.write(at_words(_HELP) if self._is_fancy else _HELP)
            case "/stop":
                self._tell("Nothing is being written.")
            case "/new":
                self._last, self._said = None, []
                self._tell("A new conversation.")
            case "/save":
                self._save(rest.strip())
            case "/model":
                self._choose_model(rest.strip())
            case _:
                self._tell(f"There is no {command} – /help lists what there is.")
        self._out.flush()

    def _save(self, name: str) -> None:
        if not name:
            self._tell("Say where to – /save talk.md, for example.")
            return
        path = Path(name).expanduser()
        text = "".join(f"## You\n\n{each.task}\n\n## {self._workflow.name}\n\n{each.answer}\n\n" for each in self._said)
        try:
            with path.open("x", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except FileExistsError:
            self._tell(f"{path} is there already – choose another name.")
        except OSError as error:
            self._tell(f"{path} cannot be written ({error.strerror}) – choose another place.")
        else:
            self._tell(f"Saved as {path}.")

    def _choose_model(self, name: str) -> None:
        """Ask another model from now on, or say which there are."""
        number = self._engine.ask_server(self._settings.current.base_url, demo=self._is_demo)
        reply = self._reply(number)
        models = reply.value.models if reply is not None and isinstance(reply.value, ServerReport) else ()
        there = [model.id for model in models]
        if name:
            self._settings.override(model=name)
            doubt = ""
            if not there:
                doubt = ", though the server did not say what it has"
            elif name not in there:  # it may load what it is asked for, or know what it has by other names
                doubt = f", though the server does not list it (there: {_few(there)})"
            self._tell(f"{name} is asked from now on{doubt}.")
        elif reply is None:
            self._tell("The server does not answer – felix doctor says why.")
        elif reply.error is not None:
            self._tell(str(reply.error))
        for model in models if not name else ():
            mark = "*" if model.id == self._settings.current.model else " "
            self._out.write(f"{mark} {safe(model.id)}{' (loaded)' if model.loaded else ''}\n")

    def _reply(self, number: int) -> Reply | None:
        until = time.monotonic() + _ANSWER_S
        try:
            while time.monotonic() < until:
                for item in self._mailbox.take():
                    if isinstance(item, Reply) and item.number == number:
                        return item
                time.sleep(_FRAME_S)
        except KeyboardInterrupt:
            pass  # not worth the wait
        return None


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
