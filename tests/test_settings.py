"""settings.json: what is read, refused, kept and written, with real files."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from felix.errors import SettingsError
from felix.settings import Settings, SettingsFile, write_atomically


def opened(path: Path, text: str | None = None) -> SettingsFile:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    file = SettingsFile(path)
    file.load()
    return file


def on_disk(path: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_without_a_file_the_defaults_hold_and_nothing_is_written(path: Path) -> None:
    file = opened(path)
    assert file.current == Settings()
    assert file.notices == ()
    assert not path.exists()


def test_the_defaults() -> None:
    settings = Settings()
    assert settings.enable_streaming is True
    assert settings.streaming_batch_interval == 0.1
    assert settings.streaming_batch_chars == 0
    assert settings.base_url == "http://127.0.0.1:1234/v1"
    assert settings.model == ""
    assert (settings.max_parallel, settings.max_tokens, settings.silence_timeout_s) == (4, 0, None)


def test_the_tracked_file_holds_the_defaults() -> None:
    tracked = Path(__file__).parents[1] / "settings.json"
    assert on_disk(tracked) == Settings().model_dump(mode="json")


def test_a_change_is_in_force_and_on_disk_at_once(path: Path) -> None:
    file = opened(path)
    file.change(enable_streaming=False, streaming_batch_interval=0.25)
    assert file.current.enable_streaming is False
    assert opened(path).current == file.current


def test_the_packaged_defaults_are_read_but_never_written(tmp_path: Path, path: Path) -> None:
    packaged = tmp_path / "packaged.json"
    packaged.write_text('{"theme": "dark"}')
    file = SettingsFile(path, defaults=packaged)
    assert file.load().theme == "dark"
    file.change(max_parallel=2)
    assert packaged.read_text() == '{"theme": "dark"}'
    assert on_disk(path)["theme"] == "dark" and on_disk(path)["max_parallel"] == 2


def test_broken_packaged_defaults_are_named_and_left_alone(tmp_path: Path, path: Path) -> None:
    packaged = tmp_path / "packaged.json"
    packaged.write_text("{")
    file = SettingsFile(path, defaults=packaged)
    assert file.load() == Settings()
    assert str(packaged) in file.notices[0]
    assert packaged.read_text() == "{"


def test_unknown_keys_survive_reading_changing_and_resetting(path: Path) -> None:
    file = opened(path, '{"future": {"deep": [1, null, "ü"]}, "theme": "dark"}')
    assert file.notices == ()
    file.change(theme="light")
    file.reset(["theme"])
    assert on_disk(path)["future"] == {"deep": [1, None, "ü"]}


@pytest.mark.parametrize(
    "text", ["{", "", "[1]", '"text"', "\x00", '{"model": "\\ud800"}', pytest.param("[" * 100_000, id="deep")]
)
def test_a_file_that_is_no_json_object_is_kept_as_bad_and_said_once(path: Path, text: str) -> None:
    file = opened(path, text)
    assert file.current == Settings()
    (notice,) = file.notices
    assert "kept as settings.json.bad" in notice
    assert path.with_name("settings.json.bad").read_text(encoding="utf-8") == text
    assert opened(path).notices == ()


def test_bytes_that_are_no_text_are_kept_as_bad_too(path: Path) -> None:
    path.write_bytes(b"\xff\xfe{}")
    assert opened(path).notices
    assert path.with_name("settings.json.bad").read_bytes() == b"\xff\xfe{}"


def test_a_byte_order_mark_from_a_windows_editor_is_no_fault(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{"theme": "dark"}')
    file = opened(path)
    assert file.notices == () and file.current.theme == "dark"


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("streaming_batch_interval", "5", "must be a number from 0 to 2, not 5."),
        ("streaming_batch_interval", "1" + "0" * 400, "must be a number from 0 to 2, not 1000"),
        ("streaming_batch_interval", "true", "must be a number from 0 to 2, not true."),
        ("font_scale", "NaN", "must be a number from 0.7 to 2.0, not NaN."),
        ("max_parallel", "0", "must be a whole number from 1 to 32, not 0."),
        ("max_tokens", "1.5", "must be a whole number from 0 to 1,000,000, not 1.5."),
        ("silence_timeout_s", '"never"', 'must be a whole number from 0 to 86,400, not "never".'),
        ("theme", '"pink"', "must be 'light', 'dark' or 'system', not \"pink\"."),
        ("enable_streaming", "1", "must be true or false, not 1."),
        ("enable_streaming", "null", "must be true or false, not null."),
        ("base_url", '""', 'must not be empty, not "".'),
        ("model", "[]", "must be text, not []."),
    ],
)
def test_a_wrong_value_names_the_key_and_what_is_allowed(path: Path, key: str, value: str, sentence: str) -> None:
    file = opened(path, f'{{"{key}": {value}, "verbose_log": true}}')
    (notice,) = file.notices
    assert notice.startswith(f"settings.json: {key} {sentence}")
    assert file.current == Settings(verbose_log=True)


BOX = {"name": "Box", "base_url": "http://box:1234/v1"}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ('{"name": "Other"}', "endpoints.1.base_url is missing."),
        ('{"base_url": "http://a/v1"}', "endpoints.1.name is missing."),
        ('{"name": "Other", "base_url": ""}', 'endpoints.1.base_url must not be empty, not "".'),
        ('{"name": "Other", "base_url": 7}', "endpoints.1.base_url must be text, not 7."),
        ('{"name": " x", "base_url": "u"}', "endpoints.1.name must be one line that begins with a letter or sign"),
        ('{"name": "O", "base_url": "u", "kind": "gpt"}', "endpoints.1.kind must be 'lmstudio', 'ollama',"),
        ('{"name": "O", "base_url": "u", "slots": 999}', "endpoints.1.slots must be a whole number from 0 to 256,"),
        (
            '{"name": "O", "base_url": "u", "prompt_price": -1}',
            "endpoints.1.prompt_price must be a number from 0 to 1,",
        ),
        (
            '{"name": "O", "base_url": "u", "prompt_price": NaN}',
            "endpoints.1.prompt_price must be a number from 0 to 1,",
        ),
        ("null", "endpoints.1 must be an object with a name and a base_url, not null."),
        ('{"name": "BOX", "base_url": "http://a/v1"}', "endpoints.1.name: Another endpoint is called “BOX” already."),
    ],
)
def test_a_bad_endpoint_is_named_and_left_out_and_the_others_hold(path: Path, entry: str, sentence: str) -> None:
    text = f'{{"endpoints": [{json.dumps(BOX)}, {entry}, {{"name": "Last", "base_url": "https://a.example"}}]}}'
    file = opened(path, text)
    assert [each.name for each in file.current.endpoints] == ["Box", "Last"]
    (notice,) = file.notices
    assert notice.startswith(f"settings.json: {sentence}") and notice.endswith("left out.")
    assert file.faults == (), "the terminal goes on with the others, too"
    file.change(theme="dark")
    assert path.with_name("settings.json.bad").read_text() == text, "what was left out is not lost"


def test_a_key_written_into_the_list_of_endpoints_is_not_repeated(path: Path) -> None:
    file = opened(path, json.dumps({"endpoints": [{**BOX, "key": "sk-0123456789"}]}))
    (notice,) = file.notices
    assert "endpoints.0.key must be 'store', 'environment' or 'none'" in notice and "sk-0123" not in notice


def test_a_bad_endpoint_does_not_hide_another_bad_value(path: Path) -> None:
    file = opened(path, '{"theme": "pink", "endpoints": [1, 2]}')
    assert len(file.notices) == 3 and file.current == Settings()


@pytest.mark.parametrize("value", ['{"name": "Box"}', '"Box"', "7", "null"])
def test_endpoints_that_are_no_list_are_none(path: Path, value: str) -> None:
    file = opened(path, f'{{"endpoints": {value}, "theme": "dark"}}')
    assert file.current == Settings(theme="dark")
    assert file.notices[0].startswith("settings.json: endpoints must be a list, not ")


def test_of_too_many_endpoints_the_first_hundred_hold(path: Path) -> None:
    file = opened(path, json.dumps({"endpoints": [{**BOX, "name": f"Box {n}"} for n in range(120)]}))
    assert len(file.current.endpoints) == 100
    (notice,) = file.notices
    assert "more than 100 entries" in notice and "endpoints.100" in notice


def test_endpoints_are_written_and_read_again_with_what_this_version_does_not_know(path: Path) -> None:
    file = opened(path, json.dumps({"endpoints": [{**BOX, "prompt_price": 3, "future": [1]}]}))
    assert file.notices == ()
    (box,) = file.current.endpoints
    file.change(endpoints=(box, box.model_copy(update={"name": "Other"})))
    again = opened(path).current.endpoints
    assert [each.name for each in again] == ["Box", "Other"] and again[0].prompt_price == 3.0
    assert again[0].model_extra == {"future": [1]}


def test_a_second_endpoint_of_the_same_name_is_refused_however_it_is_capitalised(path: Path) -> None:
    file = opened(path, json.dumps({"endpoints": [BOX]}))
    with pytest.raises(SettingsError, match=r"^Another endpoint is called “bOX” already\.$"):
        file.change(endpoints=(*file.current.endpoints, {**BOX, "name": "bOX"}))
    with pytest.raises(SettingsError, match=r'^endpoints\.1\.base_url must not be empty, not ""\.$'):
        file.change(endpoints=(*file.current.endpoints, {"name": "Other", "base_url": ""}))
    assert len(file.current.endpoints) == 1


def test_every_wrong_value_is_told_and_the_file_is_kept_before_it_is_written_over(path: Path) -> None:
    text = '{"theme": "pink", "max_parallel": 99}'
    file = opened(path, text)
    assert len(file.notices) == 2
    assert path.read_text() == text
    file.change(verbose_log=True)
    assert path.with_name("settings.json.bad").read_text() == text
    assert on_disk(path)["theme"] == "system"


def test_a_whole_number_is_taken_where_a_number_is_asked(path: Path) -> None:
    assert opened(path, '{"streaming_batch_interval": 1}').current.streaming_batch_interval == 1.0


def test_a_refused_change_leaves_value_and_file_as_they_were(path: Path) -> None:
    file = opened(path)
    file.change(max_parallel=3)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"^max_parallel must be a whole number from 1 to 32, not 33\.$"):
        file.change(max_parallel=33, theme="dark")
    assert file.current.max_parallel == 3 and file.current.theme == "system"
    assert path.read_bytes() == before


def test_reset_touches_its_keys_only(path: Path) -> None:
    file = opened(path)
    file.change(max_parallel=8, theme="dark", base_url="http://10.0.0.2:1/v1")
    file.reset(["theme", "max_parallel"])
    assert (file.current.theme, file.current.max_parallel) == ("system", 4)
    assert file.current.base_url == "http://10.0.0.2:1/v1"


def test_what_cannot_be_saved_holds_for_the_session_and_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(path, '{"theme": "dark"}')

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        file.change(theme="light")
    assert file.current.theme == "light"
    assert "No space left on device" in file.notices[0] and str(path) in file.notices[0]
    assert path.read_text() == '{"theme": "dark"}'
    assert [each.name for each in path.parent.iterdir()] == ["settings.json"]
    file.change(theme="light")
    assert file.notices == () and on_disk(path)["theme"] == "light"


def test_a_folder_that_cannot_be_is_a_notice_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = opened(tmp_path / "file" / "settings.json")
    file.change(theme="dark")
    assert file.current.theme == "dark"
    assert "could not be saved" in file.notices[0]


def test_a_file_that_cannot_be_read_is_not_written_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text('{"theme": "dark"}')

    def refused(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "read_text", refused)
        broken.setattr(Path, "read_bytes", refused)
        file = opened(path)
        assert "Permission denied" in file.notices[0]
        file.change(max_parallel=2)
    assert path.with_name("settings.json.bad").read_text() == '{"theme": "dark"}'
    assert on_disk(path)["max_parallel"] == 2


def test_a_broken_file_that_could_not_be_set_aside_is_kept_before_the_next_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", refused)
        file = opened(path, "{broken")
    assert "no valid JSON" in file.notices[0]
    file.change(theme="dark")
    assert path.with_name("settings.json.bad").read_text() == "{broken"
    assert on_disk(path)["theme"] == "dark"


def test_the_folder_is_made_on_the_first_change(tmp_path: Path) -> None:
    path = tmp_path / "config" / "Felix" / "settings.json"
    opened(path).change(theme="dark")
    assert on_disk(path)["theme"] == "dark"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_a_file_keeps_its_rights_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    opened(link).change(theme="dark")
    assert link.is_symlink()
    assert on_disk(real)["theme"] == "dark"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_writer_that_dies_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_servers_of_tools_are_read_under_the_name_other_programs_give_them(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"mcpServers": {"time": {"command": "uvx", "args": ["mcp-server-time"]}}}')
    file = SettingsFile(path)
    assert file.load().mcp_servers["time"].args == ("mcp-server-time",)
    file.change(theme="dark")
    assert "mcpServers" not in path.read_text() and SettingsFile(path).load().mcp_servers["time"].command == "uvx"
