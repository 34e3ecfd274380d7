"""Splitting text into words, in languages with and without spaces. Knows nothing of what the words are for."""

import re
from enum import IntEnum

import regex

_UNSPACED = (
    r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}"
    r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]"
)
# Every branch takes whole graphemes (\X), so no emoji, flag or accented letter is ever cut; the first two, for speed,
# what no combining mark can follow. Possessive quantifiers keep hostile text linear.
_WORD = regex.compile(
    r"[A-Za-z0-9_]++(?=[\x00-\x7f]|$)| ++(?=[!-~]|$)"
    rf"|(?:(?=\s)\X)++|(?=[\p{{L}}\p{{N}}])(?={_UNSPACED})\X|(?:(?=[\p{{L}}\p{{N}}_])(?!{_UNSPACED})\X)++|\X"
)
_ASCII_WORD = re.compile(r"\s+|\w+|[^\s\w]", re.ASCII)
"""The same for text without any grapheme of several characters, faster."""
_ASCII_VISIBLE = re.compile(r"\w+|[^\s\w]", re.ASCII)
_WORD_CHARACTER = regex.compile(r"[\p{L}\p{N}_]")
_UNSPACED_CHARACTER = regex.compile(_UNSPACED)
_SYMBOL = regex.compile(r"\p{So}")

_SENTENCE = regex.compile(r"(?:[^.!?。！？…\n]++|[.!?…](?!\s|$))*+(?:[.!?。！？…]++[\"'”’」』)）]*+|\n|$)[^\S\n]*+\n*+")


class WordKind(IntEnum):
    SPACE = 0
    PUNCTUATION = 1
    SYMBOL = 2
    """Emoji and other pictures."""
    WORD = 3
    CHARACTER = 4
    """A grapheme of a script without spaces, which counts as a word."""


def split_words(text: str) -> list[str]:
    """`text` as words, runs of whitespace and single marks; joining them gives `text` back exactly."""
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def split_visible_words(text: str) -> list[str]:
    """The same without whitespace."""
    if text.isascii():
        return _ASCII_VISIBLE.findall(text)
    return [word for word in _WORD.findall(text) if not word.isspace()]


def word_kind(token: str) -> WordKind:
    """The kind of one token of `split_words`."""
    if token.isspace():
        return WordKind.SPACE
    first = token[0]
    if first.isascii():
        return WordKind.WORD if first.isalnum() or first == "_" else WordKind.PUNCTUATION
    if _WORD_CHARACTER.match(first):
        return WordKind.CHARACTER if _UNSPACED_CHARACTER.match(first) else WordKind.WORD
    return WordKind.SYMBOL if _SYMBOL.match(first) else WordKind.PUNCTUATION


def is_word(token: str) -> bool:
    return word_kind(token) >= WordKind.WORD


def split_sentences(text: str) -> list[str]:
    """`text` as sentences and lines, each with the space after it; joining them gives `text` back exactly."""
    return [part for part in _SENTENCE.findall(text) if part]
