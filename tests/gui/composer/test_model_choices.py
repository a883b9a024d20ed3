"""What the model panel lists of endpoints that answer, that do not, and of files; and what a choice changes."""

from __future__ import annotations

from dataclasses import replace

from felix.endpoints import Endpoint
from felix.errors import ServerError
from felix.gui.composer.model_choices import AUTOMATIC_WORDS, Choice, Heading, chosen, rows_of, swap_warning
from felix.gui.composer.model_menu import context_words, shortened
from felix.gui.server.endpoint_words import Said
from felix.llm.models import ModelInfo, ServerReport
from felix.settings import Settings

HERE, THERE, AWAY = "http://127.0.0.1:1234/v1", "http://127.0.0.1:11434/v1", "http://127.0.0.1:9931/v1"
QWEN = ModelInfo(
    "qwen3-8b", "Qwen3 8B", True, 16_384, 40_960, 4_700_000_000, "Q4_K_M", 4, "8B", thinks=True, has_tools=True
)
GEMMA = ModelInfo("gemma-3-27b", "Gemma 3 27B", False, None, 131_072, 16_200_000_000, "Q4_0", None, "27B")
STUDIO = ServerReport("lmstudio", "LM Studio", (QWEN, GEMMA), 10, HERE)
OLLAMA = ServerReport("ollama", "Ollama", (ModelInfo("llama3.1:8b", "llama3.1:8b", False),), 10, THERE)
SILENT = ServerError("Nothing answers at 127.0.0.1:9931 – start the server.", fault="unreachable")
SAID: dict[str, Said] = {HERE: STUDIO, THERE: OLLAMA, AWAY: SILENT}
SETTINGS = Settings(
    base_url=HERE,
    endpoints=(
        Endpoint(name="Office", base_url=AWAY, kind="llamacpp"),
        Endpoint(name="Ollama", base_url=THERE, kind="ollama", model="llama3.1:8b"),
        Endpoint(name="Studio", base_url=HERE, kind="lmstudio"),
    ),
)


def listed(settings: Settings = SETTINGS, query: str = "", *, said: dict[str, Said] = SAID) -> list[str]:
    """Headings as `# name`, the model in force with a star."""
    rows = rows_of(settings, said, query)
    return [f"# {row.name}" if isinstance(row, Heading) else f"{row.name}{'*' * row.is_chosen}" for row in rows]


def choice(model: str, settings: Settings = SETTINGS) -> Choice:
    return next(row for row in rows_of(settings, SAID) if isinstance(row, Choice) and row.model == model)


def test_the_endpoint_in_use_stands_first_and_all_others_in_their_order() -> None:
    assert listed() == [
        "# Studio", f"{AUTOMATIC_WORDS}*", "Qwen3 8B", "Gemma 3 27B",
        "# Office",
        "# Ollama", AUTOMATIC_WORDS, "llama3.1:8b",
    ]  # fmt: skip


def test_an_endpoint_says_how_it_is_and_why() -> None:
    headings = {row.name: row for row in rows_of(SETTINGS, SAID) if isinstance(row, Heading)}
    assert headings["Studio"].place == "LM Studio · 127.0.0.1:1234 · 4 slots"
    assert headings["Studio"].state.words == "answers · 2 models, 1 loaded"
    assert headings["Office"].state.words == "does not answer"
    assert headings["Office"].sentence == str(SILENT)


def test_a_model_tells_what_it_is_like() -> None:
    qwen = choice("qwen3-8b")
    assert qwen.facts == "8B · Q4_K_M · 4.7 GB · 16k of 40k context · 4 slots"
    assert (qwen.state, qwen.thinks, qwen.has_tools, qwen.can_unload) == ("loaded", True, True, True)
    gemma = choice("gemma-3-27b")
    assert gemma.facts == "27B · Q4_0 · 16.2 GB · up to 128k context"
    assert (gemma.state, gemma.can_load) == ("", True)


def test_searching_keeps_what_has_every_word_in_model_or_server() -> None:
    assert listed(query="gemma 27") == ["# Studio", "Gemma 3 27B"]
    assert listed(query="OLLAMA llama3") == ["# Ollama", "llama3.1:8b"]
    assert listed(query="ollama") == ["# Ollama", AUTOMATIC_WORDS, "llama3.1:8b"]
    assert listed(query="thinking") == ["# Studio", "Qwen3 8B"]
    assert listed(query="nobody") == []


def test_a_model_that_is_wanted_and_not_there_is_listed_all_the_same() -> None:
    gone = SETTINGS.model_copy(update={"model": "gone"})
    assert listed(gone)[:5] == ["# Studio", AUTOMATIC_WORDS, "Qwen3 8B", "Gemma 3 27B", "gone*"]
    assert choice("gone", gone).facts == "not on this server"
    assert listed(gone, said={})[:2] == ["# Studio", "gone*"]


def test_a_server_in_use_that_has_no_entry_is_listed() -> None:
    assert listed(Settings(base_url=HERE))[:2] == ["# LM Studio", f"{AUTOMATIC_WORDS}*"]


def test_a_service_loads_nothing_and_a_file_needs_no_automatic_choice() -> None:
    groq, file = "https://api.groq.com/openai/v1", "file:///models/tiny.gguf"
    settings = Settings(
        base_url=file,
        endpoints=(
            Endpoint(name="tiny", base_url=file, kind="file"),
            Endpoint(name="Groq", base_url=groq, kind="groq"),
        ),
    )
    said: dict[str, Said] = {
        groq: replace(STUDIO, kind="groq"),
        file: ServerReport("file", "Model file", (replace(QWEN, loaded=False),), 1, file),
    }
    assert listed(settings, said=said) == [
        "# tiny", "Qwen3 8B*", "# Groq", "Automatic – the first of its list", "Qwen3 8B", "Gemma 3 27B",
    ]  # fmt: skip
    rows = rows_of(settings, said)
    assert not any(isinstance(row, Choice) and (row.state or row.can_load or row.can_unload) for row in rows)


def test_a_model_of_another_endpoint_takes_its_address_along() -> None:
    settings = SETTINGS.model_copy(update={"model": "qwen3-8b"})
    after = Settings.model_validate({**settings.model_dump(), **chosen(settings, "Ollama", "other:1b")})
    assert (after.base_url, after.model) == (THERE, "other:1b")
    assert {each.name: each.model for each in after.endpoints} == {
        "Office": "", "Ollama": "other:1b", "Studio": "qwen3-8b",
    }  # fmt: skip


def test_a_server_without_an_entry_gets_one_when_another_is_chosen() -> None:
    settings = Settings(base_url=HERE, model="qwen3-8b", endpoints=SETTINGS.endpoints[:2])
    after = Settings.model_validate({**settings.model_dump(), **chosen(settings, "Ollama", "")})
    assert next(each for each in after.endpoints if each.base_url == HERE).model == "qwen3-8b"
    assert (after.base_url, after.model) == (THERE, "")


def test_another_model_of_the_endpoint_in_use_changes_nothing_else() -> None:
    after = Settings.model_validate({**SETTINGS.model_dump(), **chosen(SETTINGS, "Studio", "gemma-3-27b")})
    assert (after.base_url, after.model) == (HERE, "gemma-3-27b")
    automatic = Settings.model_validate({**after.model_dump(), **chosen(after, "Studio", "")})
    assert (automatic.model, automatic.endpoints[2].model) == ("", "")


def test_a_model_that_pushes_another_out_says_so_before() -> None:
    assert swap_warning(STUDIO, GEMMA) == (
        "Qwen3 8B is loaded and may have to go: LM Studio keeps one of those it loads by itself, and what memory holds;"
        " together they take 20.9 GB."
    )
    assert swap_warning(STUDIO, QWEN) == ""
    assert swap_warning(OLLAMA, OLLAMA.models[0]) == "", "nobody is loaded there"
    assert swap_warning(replace(STUDIO, kind="groq"), GEMMA) == "", "a service has no memory of yours"


def test_words_for_models() -> None:
    assert [context_words(n) for n in (None, 0, 16_384, 8_000, 1_024)] == ["", "", "16k", "8,000", "1k"]
    assert shortened("short") == "short"
    assert shortened("a" * 30 + "b" * 30, 11) == "aaaaaa…bbbb"
