"""The line at the task that says before a run what will not go as wished, with a small LM Studio behind the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gui.opened import Opened, write_settings
from tests.servers.fakes.lmstudio import FakeLMStudio

pytestmark = pytest.mark.usefixtures("display")


@pytest.fixture(scope="module")
def opened(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with FakeLMStudio() as studio:
        studio.instances[studio.loaded] = {"context_length": 4_096, "parallel": 1}
        path = tmp_path_factory.mktemp("guard") / "settings.json"
        write_settings(path, base_url=studio.base_url, has_connected=True, workflow="research_team")
        opened = Opened(path, size="1000x700")
        opened.until(lambda: opened.window.watch.server)
        yield opened
        opened.close()


def said(opened: Opened) -> str:
    line = opened.window.composer._guard
    return str(line.label.cget("text")) if line.frame.winfo_ismapped() else ""


def test_what_does_not_fit_is_said_at_the_task_and_run_stays_free(opened: Opened) -> None:
    assert said(opened) == "", "without a task there is nothing to be said"
    opened.window.composer.take("Compare three ways to store photographs.")
    opened.until(lambda: said(opened))
    assert "context" in said(opened) or "slot" in said(opened) or "tokens" in said(opened)
    assert "disabled" not in opened.window.composer.button.state()


def test_the_demo_needs_no_such_word(opened: Opened) -> None:
    opened.window.composer.take("Compare three ways to store photographs.")
    opened.until(lambda: said(opened))
    opened.window.watch.use_demo()
    opened.until(lambda: not said(opened))
    assert opened.window.watch.uses_demo
    opened.window.watch.address_changed()
    opened.until(lambda: said(opened))
    assert not opened.window.watch.uses_demo


def test_one_sentence_at_a_time(opened: Opened) -> None:
    opened.window.composer.take("Compare three ways to store photographs.")
    opened.until(lambda: said(opened))
    opened.window.composer.say("Another run still goes on.")
    opened.settle()
    assert said(opened) == ""
    opened.window.composer.hush()
    opened.settle()
    assert said(opened)


def test_it_is_waved_away_for_this_workflow_on_this_model(opened: Opened) -> None:
    composer = opened.window.composer
    composer.take("Compare three ways to store photographs.")
    opened.until(lambda: said(opened))
    opened.click(composer._guard.button)
    assert said(opened) == ""
    composer.take("Compare four ways to store photographs.")
    opened.turn(400)
    assert said(opened) == ""
    entry = next(each for each in opened.window.library.entries() if each.name == "Code review")
    opened.window.workflow.choose(entry)
    opened.until(lambda: said(opened))


def test_a_server_that_the_settings_do_not_know_is_told_before_the_run(opened: Opened) -> None:
    folder = opened.window.library.user_folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "elsewhere.yaml").write_text(
        "name: Elsewhere\nendpoint: Olama\nagents:\n  - {id: one, role: research}\ncheckpoints: [0]\n"
    )
    entry = next(each for each in opened.window.library.entries() if each.name == "Elsewhere")
    opened.window.composer.take("Compare three ways to store photographs.")
    opened.window.workflow.choose(entry)
    opened.until(lambda: "“Olama”" in said(opened))
    assert "disabled" not in opened.window.composer.button.state(), "it is told, and nothing is forbidden"


def test_a_model_that_pushes_another_one_out_is_told_before_the_run(opened: Opened) -> None:
    window = opened.window
    report = window.watch.server.report
    away = next(model for model in report.models if not model.loaded)
    window.settings.change(model=away.id, workflow="one_agent")
    window.choosing.workflow.refresh()
    window.composer.take("Short.")
    opened.until(lambda: said(opened).startswith("The run loads "))
    assert "may have to go" in said(opened)
    window.settings.change(model="", workflow="research_team")
    window.choosing.workflow.refresh()
