import pytest

from felix.gui.kit import STATES, Kit, contrast

SURFACES = ("side", "page", "card")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_can_be_read_on_every_surface(kit: Kit, mode: str) -> None:
    kit.set_theme(mode)
    for surface in (*SURFACES, "field", "sel", "think_bg", "code", "chosen"):
        assert contrast(kit["text"], kit[surface]) >= 7, surface
    for surface in (*SURFACES, "field", "sel", "think_bg"):
        assert contrast(kit["text2"], kit[surface]) >= 4.5, surface
    assert contrast(kit["on_primary"], kit["primary_fill"]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_read_on_its_tint_and_seen_on_a_card(kit: Kit, mode: str, state: str) -> None:
    kit.set_theme(mode)
    assert contrast(kit[f"ink:{state}"], kit[f"tint:{state}"]) >= 4.5
    assert contrast(kit[f"ink:{state}"], kit["card"]) >= 4.5
    assert contrast(kit[f"state:{state}"], kit["card"]) >= 3


def test_a_token_is_a_state_a_family_or_a_colour(kit: Kit) -> None:
    assert kit["write"] == kit["state:write"]
    assert kit["#123456"] == "#123456"
    for unknown in ("nothing", "tint:nothing", "shade:write"):
        with pytest.raises(KeyError):
            kit[unknown]


def test_the_two_themes_differ_in_every_surface(kit: Kit) -> None:
    light = [kit[name] for name in SURFACES]
    kit.set_theme("dark")
    assert not set(light) & {kit[name] for name in SURFACES}
