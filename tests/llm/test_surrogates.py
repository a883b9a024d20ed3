from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from felix.llm.surrogates import SurrogateJoiner, mend, one_line


def test_halves_in_two_pieces_become_one_character() -> None:
    joiner = SurrogateJoiner()
    assert [joiner.feed("a\ud83d"), joiner.feed("\ude00b"), joiner.flush()] == ["a", "😀b", ""]


def test_a_lone_half_becomes_the_replacement_character() -> None:
    joiner = SurrogateJoiner()
    assert [joiner.feed("\ude00"), joiner.feed("x\ud83d"), joiner.feed("y"), joiner.feed("\ud83d"), joiner.flush()] == [
        "\ufffd",
        "x",
        "\ufffdy",
        "",
        "\ufffd",
    ]


any_text = st.text(st.characters(categories=["Lu", "So", "Cs"]) | st.sampled_from("\ud83d\ude00a"))


@given(st.lists(any_text))
def test_pieces_give_what_the_whole_gives_and_can_always_be_encoded(pieces: list[str]) -> None:
    joiner = SurrogateJoiner()
    joined = "".join(joiner.feed(piece) for piece in pieces) + joiner.flush()
    assert joined == mend("".join(pieces))
    joined.encode()


@given(st.text())
def test_sound_text_is_left_alone(text: str) -> None:
    assert mend(text) == text


def test_what_a_server_calls_things_is_one_line_for_any_label() -> None:
    assert one_line("qwen3-8b  (Q4)") == "qwen3-8b  (Q4)"
    assert one_line("tiny\0\x1b]0;x\x07\n\u202emodel\ud83d") == "tiny ]0;x model\ufffd"


@given(st.text() | any_text)
def test_any_name_can_be_printed_and_sent(text: str) -> None:
    assert one_line(text).isprintable()
    one_line(text).encode()
