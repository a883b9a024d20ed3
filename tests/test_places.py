"""Where things are, from a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from felix import bootstrap, places

ROOT = Path(__file__).parent.parent


def test_a_checkout_keeps_its_own_settings_and_assets() -> None:
    assert places.checkout() == ROOT
    assert places.settings_file() == places.default_settings() == ROOT / "settings.json"
    assert places.builtin_workflows() == ROOT / "assets" / "workflows"


def test_a_checkout_that_cannot_be_written_saves_in_the_config_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("felix.places.os.access", lambda path, mode: False)
    assert places.settings_file().is_relative_to(home / "config")
    assert places.default_settings() == ROOT / "settings.json"


def test_what_a_user_makes_is_kept_outside_the_checkout(home: Path) -> None:
    for place in (places.user_workflows(), places.log_file(), places.data()):
        assert place.is_relative_to(home)
        assert not place.exists()


def test_the_launcher_and_felix_agree_on_the_data_folder() -> None:
    assert Path(bootstrap.data_folder()) == places.data()


def test_platformdirs_is_imported_only_when_it_is_needed() -> None:
    code = "import sys; from felix import places; places.assets(); sys.exit('platformdirs' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": str(ROOT / "src")}).returncode == 0
    )
