import os
import subprocess
import tkinter as tk
from pathlib import Path
from tkinter import font as tkfont

import pytest

from felix import places
from felix.gui.kit import FONTS, Kit, load_fonts
from felix.gui.kit.fonts import dies_of_colour, leave_out_colour_fonts, libxft_version

NO_COLOUR = places.assets() / "fonts" / "no-colour-fonts.conf"


def test_the_shipped_inter_is_used_and_in_its_regular_weight(kit: Kit, app: tk.Tk) -> None:
    assert kit.font("Base").actual("family") == "Inter"
    words = "The weight of this line"
    regular = kit.font("Base").measure(words)
    assert regular < kit.font("Strong").measure(words)
    medium = tkfont.Font(app, family="Inter Medium", size=10)
    assert medium.actual("family") != "Inter Medium"


def test_no_medium_is_shipped_and_the_licence_is() -> None:
    folder = places.assets() / "fonts"
    assert {path.stem for path in folder.glob("*.otf")} == {
        "Inter-Regular",
        "Inter-SemiBold",
        "Inter-Bold",
        "Inter-Italic",
    }
    assert "SIL OPEN FONT LICENSE" in (folder / "LICENSE.txt").read_text()


def test_a_folder_without_fonts_is_no_error(tmp_path: Path) -> None:
    assert load_fonts(tmp_path / "missing") is False


def test_scaling_reaches_every_font_and_text_on_screen(kit: Kit, window: tk.Toplevel, update) -> None:
    label = kit.label(window, "Some words", "Small")
    label.pack()
    update()
    before = label.winfo_width(), {name: kit.font(name).metrics("linespace") for name in FONTS}
    kit.scale_fonts(150)
    update()
    assert label.winfo_width() > before[0] * 1.3
    for name, line in before[1].items():
        assert kit.font(name).metrics("linespace") > line, name


def test_scaling_stops_at_its_limits(kit: Kit) -> None:
    kit.scale_fonts(1000)
    assert kit.font_percent == 200
    kit.scale_fonts(1)
    assert kit.font_percent == 70


def test_code_is_no_higher_than_a_line_of_text(kit: Kit) -> None:
    assert kit.font("Mono").metrics("linespace") <= kit.font("Base").metrics("linespace")


@pytest.mark.parametrize(
    ("version", "dies"), [(20302, True), (20304, True), (20305, False), (20306, False), (None, False)]
)
def test_only_a_libxft_before_2_3_5_dies_of_colour(version: int | None, dies: bool) -> None:
    assert dies_of_colour(version) is dies
    environment: dict[str, str] = {}
    assert leave_out_colour_fonts(NO_COLOUR, version, environment) is dies
    assert environment == ({"FONTCONFIG_FILE": str(NO_COLOUR)} if dies else {})


def test_whoever_named_a_font_configuration_keeps_it() -> None:
    environment = {"FONTCONFIG_FILE": "/mine.conf"}
    assert not leave_out_colour_fonts(NO_COLOUR, 20302, environment)
    assert environment == {"FONTCONFIG_FILE": "/mine.conf"}


@pytest.mark.skipif(libxft_version() is None, reason="no libXft here")
def test_the_library_tells_its_version() -> None:
    version = libxft_version()
    assert version is not None and 20000 < version < 40000


def test_the_configuration_without_colour_still_knows_the_other_fonts() -> None:
    environment = {**os.environ, "FONTCONFIG_FILE": str(NO_COLOUR)}

    def families(*which: str) -> str:
        try:
            return subprocess.run(
                ["fc-list", *which, "family"], check=True, capture_output=True, text=True, env=environment
            ).stdout
        except FileNotFoundError:
            pytest.skip("there is no fc-list here")

    assert families(":color=true") == ""
    assert families(":") != ""
