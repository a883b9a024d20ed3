"""Roles cool down with depth, and tell an agent at every depth what to hand on and how long it may be."""

import pytest

from felix.team.roles import OTHER, ROLES, role_named, temperature


@pytest.mark.parametrize(
    ("name", "top", "bottom", "spawn"),
    [("research", 0.9, 0.4, 0), ("analysis", 0.7, 0.2, 0.2), ("critic", 0.6, 0.1, 0.5)],
)
def test_the_temperature_falls_in_a_straight_line(name: str, top: float, bottom: float, spawn: float) -> None:
    role = role_named(name)
    assert temperature(role, 0) == top
    assert temperature(role, 1) == bottom
    assert temperature(role, 0.5) == pytest.approx((top + bottom) / 2)
    assert role.spawn == spawn


def test_a_role_only_a_workflow_knows_has_the_manner_of_any_other() -> None:
    assert role_named("advocate") is OTHER
    assert (temperature(OTHER, 0), temperature(OTHER, 1)) == (0.8, 0.2)


@pytest.mark.parametrize("role", [*ROLES.values(), OTHER], ids=lambda role: role.name)
def test_each_third_of_the_way_has_an_instruction_with_form_and_length(role) -> None:
    wide, focus, narrow = role.instruction(0.0), role.instruction(0.3), role.instruction(0.7)
    assert (wide, focus, narrow) == (role.instruction(0.29), role.instruction(0.69), role.instruction(1.0))
    for text in (wide, focus, narrow):
        assert "Hand on" in text
        assert text.rstrip().endswith("words.")
        assert 30 < len(text.split()) < 120
    assert "wide top" in wide
    assert "half-way" in focus
    assert "narrow bottom" in narrow
