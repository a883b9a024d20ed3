"""What a link, a session and the program's token are good for, and for how long."""

from __future__ import annotations

from felix.web.tokens import LINK_S, MOST_SESSIONS, Tokens


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_link_lets_one_browser_in_within_a_minute() -> None:
    clock = Clock()
    tokens = Tokens(clock)
    used, late, kept = tokens.link(), tokens.link(), tokens.link()
    session = tokens.exchange(used)
    assert session is not None and tokens.knows(session)
    assert tokens.exchange(used) is None
    clock.now += LINK_S - 0.1
    assert tokens.exchange(kept) is not None
    clock.now += 0.1
    assert tokens.exchange(late) is None


def test_no_token_is_good_for_anything_else() -> None:
    tokens = Tokens()
    link = tokens.link()
    session = tokens.exchange(tokens.link())
    assert session is not None
    assert not tokens.knows(link) and not tokens.is_program(link)
    assert not tokens.is_program(session) and not tokens.knows(tokens.program)
    assert tokens.exchange(tokens.program) is None and tokens.exchange(session) is None
    assert not tokens.knows("") and not tokens.is_program("")


def test_each_holds_256_bits() -> None:
    tokens = Tokens()
    assert len({tokens.link() for _ in range(100)}) == 100
    assert all(len(each) == 43 for each in (tokens.program, tokens.link()))  # base64 of 32 bytes


def test_the_oldest_session_goes_when_there_are_too_many() -> None:
    tokens = Tokens()
    sessions = [tokens.exchange(tokens.link()) or "" for _ in range(MOST_SESSIONS + 1)]
    assert not tokens.knows(sessions[0]) and tokens.knows(sessions[1]) and tokens.knows(sessions[-1])


def test_nothing_is_good_for_anything_once_they_are_revoked() -> None:
    tokens = Tokens()
    link, session = tokens.link(), tokens.exchange(tokens.link()) or ""
    tokens.revoke()
    assert not tokens.knows(session) and not tokens.is_program(tokens.program)
    assert tokens.exchange(link) is None and tokens.exchange(tokens.link()) is None
