"""Which language a request speaks."""

import pytest

from beyondloss.web.i18n import choose_language, find_language


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("zh-Hant", "zh_TW"), ("zh_TW", "zh_TW"), ("zh-HK", "zh_TW"), ("zh", "zh_CN"), ("zh-Hans-HK", "zh_CN"),
        ("zh-SG", "zh_CN"), ("en-GB", "en"), ("EN", "en"),
    ],
)  # fmt: skip
def test_a_tag_finds_its_language(tag: str, code: str) -> None:
    found = find_language(tag)
    assert found is not None
    assert found.code == code


def test_the_address_wins_over_the_cookie_and_the_cookie_over_the_browser() -> None:
    accepted = "fr, zh-CN;q=0.9, en;q=0.8"
    assert choose_language(accepted).code == "zh_CN"
    assert choose_language(accepted, cookie="en").code == "en"
    assert choose_language(accepted, cookie="en", asked="zh-Hant").code == "zh_TW"
    assert choose_language(accepted, asked="klingon").code == "zh_CN"


@pytest.mark.parametrize("accepted", ["", ",,,;q=", "x" * 5000, "zh-TW;q=high, en;q=0.1", "*"])
def test_no_header_is_too_strange(accepted: str) -> None:
    assert choose_language(accepted).code in {"en", "zh_TW"}
