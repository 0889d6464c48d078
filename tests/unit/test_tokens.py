"""Tokens: their form, and that a typing error is found without asking anybody."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from narad.tokens import digest_of, key_id_of, new_key_id, new_token

ALPHABET = string.digits + string.ascii_letters
TOKEN = new_token(new_key_id())


def test_a_token_has_the_form_that_scanners_look_for() -> None:
    key_id = new_key_id()

    token = new_token(key_id)

    assert re.fullmatch(rf"nrd_{key_id}_[0-9A-Za-z]{{32}}_[0-9A-Za-z]{{6}}", token)
    assert key_id_of(token) == key_id


def test_no_two_tokens_are_the_same() -> None:
    assert len({new_token("abcdefgh") for _ in range(1_000)}) == 1_000


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(place: int, character: str) -> None:
    mistyped = TOKEN[:place] + character + TOKEN[place + 1 :]

    assert (key_id_of(mistyped) is None) == (mistyped != TOKEN)


@given(st.integers(0, len(TOKEN) - 2))
def test_two_characters_in_the_wrong_order_are_found(place: int) -> None:
    one, other = TOKEN[place], TOKEN[place + 1]
    swapped = TOKEN[:place] + other + one + TOKEN[place + 2 :]

    assert (key_id_of(swapped) is None) == (swapped != TOKEN)


@given(st.text() | st.sampled_from([TOKEN[:-1], f"{TOKEN}x", f" {TOKEN}", f"{TOKEN}\n", TOKEN.upper(), ""]))
def test_what_is_no_token_has_no_id(text: str) -> None:
    assert key_id_of(text) is None


def test_a_digest_depends_on_the_pepper_and_shows_nothing_of_the_token() -> None:
    digest = digest_of(TOKEN.encode(), b"pepper")

    assert digest == digest_of(TOKEN.encode(), b"pepper")
    assert digest != digest_of(TOKEN.encode(), b"other pepper")
    assert len(digest) == 32
