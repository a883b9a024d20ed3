"""The list of endpoints, changed as the window does it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from felix.endpoints import Endpoint
from felix.errors import SettingsError
from felix.gui.server import roster
from felix.settings import DEFAULT_BASE_URL, Settings

BOX = Endpoint(name="Box", base_url="http://box:1234/v1", model="qwen")
GROQ = Endpoint(name="Groq", base_url="https://api.groq.com/openai/v1", kind="groq", key="environment")
OTHER = "http://other:1/v1"


def changed(settings: Settings, changes: roster.Changes) -> Settings:
    """As the settings file does it, with everything checked."""
    return Settings.model_validate({**settings.model_dump(), **changes})


def names(settings: Settings) -> list[str]:
    return [each.name for each in roster.listed(settings)]


def test_the_server_in_use_is_listed_with_and_without_an_entry() -> None:
    assert names(Settings()) == [""]
    assert names(Settings(endpoints=(BOX,))) == ["", "Box"]
    assert names(Settings(base_url=BOX.base_url, endpoints=(GROQ, BOX))) == ["Groq", "Box"]
    assert roster.is_in_use(Settings(base_url=BOX.base_url, endpoints=(GROQ, BOX)), BOX)
    assert not roster.is_in_use(Settings(endpoints=(BOX,)), BOX)
    assert roster.is_in_use(Settings(), roster.listed(Settings())[0])


def test_what_is_added_gets_a_name_of_its_own_and_the_one_in_use_an_entry() -> None:
    settings = changed(Settings(model="qwen"), roster.added(Settings(model="qwen"), BOX))
    assert [(each.name, each.model) for each in settings.endpoints] == [("LM Studio", "qwen"), ("Box", "qwen")]
    settings = changed(settings, roster.added(settings, BOX.model_copy(update={"base_url": OTHER, "name": "box"})))
    assert names(settings) == ["LM Studio", "Box", "box 2"]
    with pytest.raises(SettingsError, match="“Box” is at this address already"):
        roster.added(settings, BOX)


def test_to_say_more_of_the_one_in_use_gives_it_an_entry_and_its_model_alone_does_not() -> None:
    settings = Settings()
    assert roster.changed(settings, "", model="qwen") == {"model": "qwen"}
    settings = changed(settings, roster.changed(settings, "", slots=3))
    assert [(each.name, each.slots) for each in settings.endpoints] == [("LM Studio", 3)]
    settings = changed(settings, roster.changed(settings, "LM Studio", name=" Desk ", prompt_price=2.5))
    assert names(settings) == ["Desk"] and settings.endpoints[0].prompt_price == 2.5


@pytest.mark.parametrize("name", ["", "  ", "GROQ"])
def test_a_name_that_is_none_or_taken_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        roster.changed(Settings(endpoints=(BOX, GROQ)), "Box", name=name)


def test_what_no_entry_may_hold_is_refused_when_it_is_put_in_force() -> None:
    settings = Settings(endpoints=(BOX,))
    for values in ({"slots": 999}, {"prompt_price": -1.0}, {"pool": "x" * 61}, {"name": "x" * 61}):
        with pytest.raises(ValidationError):
            changed(settings, roster.changed(settings, "Box", **values))


def test_a_name_may_change_its_capitals() -> None:
    settings = Settings(endpoints=(BOX,))
    assert names(changed(settings, roster.changed(settings, "Box", name="BOX"))) == ["", "BOX"]


def test_the_model_of_the_one_in_use_is_that_of_the_settings_too() -> None:
    settings = Settings(base_url=BOX.base_url, model="qwen", endpoints=(BOX, GROQ))
    settings = changed(settings, roster.changed(settings, "Box", model="gemma"))
    assert (settings.model, settings.endpoints[0].model) == ("gemma", "gemma")
    settings = changed(settings, roster.changed(settings, "Groq", model="llama"))
    assert (settings.model, settings.endpoints[1].model) == ("gemma", "llama")


def test_the_address_of_the_one_in_use_moves_with_it() -> None:
    settings = Settings(base_url=BOX.base_url, endpoints=(BOX, GROQ))
    settings = changed(settings, roster.moved(settings, "Box", OTHER))
    assert settings.base_url == settings.endpoints[0].base_url == OTHER
    settings = changed(settings, roster.moved(settings, "Groq", "https://elsewhere/v1"))
    assert settings.base_url == OTHER and settings.endpoints[1].base_url == "https://elsewhere/v1"
    with pytest.raises(SettingsError, match="“Box” is at this address already"):
        roster.moved(settings, "Groq", OTHER)


def test_without_an_entry_only_the_address_moves_also_to_where_an_endpoint_is() -> None:
    settings = Settings(endpoints=(BOX,))
    assert roster.moved(settings, "", OTHER) == {"base_url": OTHER}
    settings = changed(settings, roster.moved(settings, "", BOX.base_url))
    assert names(settings) == ["Box"] and roster.is_in_use(settings, BOX)


def test_a_key_of_the_environment_does_not_move_to_another_origin() -> None:
    settings = Settings(endpoints=(GROQ,))
    same = changed(settings, roster.moved(settings, "Groq", "https://api.groq.com/v2"))
    assert same.endpoints[0].key == "environment"
    elsewhere = changed(settings, roster.moved(settings, "Groq", "https://api.grok.example/v1"))
    assert elsewhere.endpoints[0].key == "none"


def test_use_keeps_the_model_of_the_one_before_and_takes_up_the_one_it_was_last_used_with() -> None:
    settings = Settings(model="mistral", endpoints=(BOX,))
    settings = changed(settings, roster.used(settings, "Box"))
    assert (settings.base_url, settings.model) == (BOX.base_url, "qwen")
    assert [(each.name, each.model) for each in settings.endpoints] == [("LM Studio", "mistral"), ("Box", "qwen")]
    settings = changed(settings, {"model": "gemma"})  # as a picker elsewhere in the window does
    settings = changed(settings, roster.used(settings, "lm studio"))
    assert (settings.base_url, settings.model) == (DEFAULT_BASE_URL, "mistral")
    assert settings.endpoints[1].model == "gemma"


def test_removing_touches_no_other_and_leaves_the_address_in_use() -> None:
    settings = Settings(base_url=BOX.base_url, endpoints=(BOX, GROQ))
    settings = changed(settings, roster.removed(settings, "Box"))
    assert names(settings) == ["", "Groq"] and settings.base_url == BOX.base_url


def test_a_model_file_is_named_without_its_ending_and_addressed_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "Qwen 3 ü-00001-of-00002.gguf"
    endpoint = roster.model_file(path)
    assert (endpoint.name, endpoint.kind, endpoint.key) == ("Qwen 3 ü", "file", "none")
    assert endpoint.base_url.startswith("file:///") and " " not in endpoint.base_url
    assert roster.address_words(endpoint) == path.name


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:1234/v1", "127.0.0.1:1234"),
        ("https://api.openai.com/v1", "api.openai.com"),
        ("nonsense", "nonsense"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_addresses_in_words(base_url: str, words: str) -> None:
    assert roster.address_words(BOX.model_copy(update={"base_url": base_url})) == words
