"""The wall: one card per agent, and everything on a card."""
