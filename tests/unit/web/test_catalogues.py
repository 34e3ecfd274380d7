"""The translations: whole on the pages that teammates see, and with every placeholder in its place."""

import re

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from beyondloss.web.i18n import LOCALE_PATH

CODES = ("zh_TW", "zh_CN")
WHOLE = re.compile(
    r"(templates/(_|runs/|run/|rate/|share/)|web/(filters|problems|visitors|words)\.py|web/(runs?|rate|share)/)"
)
"""Pages that must not fall back to English."""
PLACEHOLDER = re.compile(r"%\(\w+\)s|</?\w+>")


def catalogue(code: str) -> Catalog:
    with (LOCALE_PATH / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def messages(code: str) -> list[tuple[Message, str, str]]:
    """Each message with its English (the plural where there is one) and its translation."""
    return [
        (
            message,
            message.id if isinstance(message.id, str) else message.id[-1],
            message.string if isinstance(message.string, str) else message.string[0],
        )
        for message in catalogue(code)
        if message.id
    ]


@pytest.mark.parametrize("code", CODES)
def test_no_string_of_the_pages_that_teammates_see_is_left_in_english(code: str) -> None:
    left = [
        english
        for message, english, translation in messages(code)
        if not translation and any(WHOLE.search(place) for place, _line in message.locations)
    ]
    assert not left


@pytest.mark.parametrize("code", CODES)
def test_every_placeholder_and_tag_survives_translation(code: str) -> None:
    for _message, english, translation in messages(code):
        if translation:
            assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(english)), english


@pytest.mark.parametrize("code", CODES)
def test_nothing_is_marked_as_a_guess(code: str) -> None:
    assert not [english for message, english, _translation in messages(code) if message.fuzzy]
