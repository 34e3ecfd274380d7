"""Signals of one answer by itself: truncated, empty, looping. Marks for a reader, never a verdict.

Linear in the text whatever it holds. What needs a reference answer or other probes is not here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import regex

from beyondloss.analysis.words import WordKind, split_sentences, split_words, word_kind
from beyondloss.domain.answers import Finish, Signal

LONGEST_PERIOD = 200
LOOP_CHARACTERS = 60
LOOP_REPEATS = 3
PHRASE_WORDS = 6
PHRASE_CHARACTERS = 12
"""Length of a repeated phrase in scripts without spaces."""
PHRASE_REPEATS = 4
PHRASE_SHARE = 0.4
"""Share of the answer that repeated phrases must cover to be a loop: lists repeat a few words, too."""
SHORTEST_SENTENCE = 20
SHORTEST_UNSPACED_SENTENCE = 8
QUOTED_CHARACTERS = 40

_UNSPACED_LANGUAGES = ("zh", "ja", "yue", "th", "lo", "km", "my", "bo")
_CODE_BLOCK = regex.compile(r"^[ \t]*```.*?(?:^[ \t]*```|\Z)", regex.MULTILINE | regex.DOTALL)


def answer_signals(text: str, finish: Finish, *, language: str = "") -> tuple[Signal, ...]:
    """Everything countable about one answer. `language` (of the probe) only decides whether characters are words."""
    signals: list[Signal] = []
    if finish is Finish.LENGTH:
        signals.append(Signal("truncated", "The token limit cut this answer."))
    if not any(character.isprintable() and not character.isspace() for character in text):
        signals.append(Signal("empty", "The answer says nothing."))
    elif loop := _loop(text, language):
        signals.append(Signal("loop", loop))
    return tuple(signals)


def _loop(text: str, language: str) -> str:
    """The sentence that says how the text goes round in circles; empty when it does not."""
    prose = _CODE_BLOCK.sub("\n", text)
    return _periodic_end(text) or _repeated_sentence(prose) or _repeated_phrase(prose, language)


def _periodic_end(text: str) -> str:
    """A stretch of up to 200 characters that the text repeats, three times or more, until it ends."""
    end = text.rstrip()
    for period in range(1, LONGEST_PERIOD + 1):
        length = max(LOOP_REPEATS * period, LOOP_CHARACTERS)
        if length > len(end):
            return ""
        if end[-length:-period] == end[period - length :]:
            return f"It ends by repeating “{_quoted(end[-period:])}” {_repeats_at_end(end, period)} times."
    return ""


def _repeats_at_end(text: str, period: int) -> int:
    unit = text[-period:]
    repeats = 1
    while text.endswith(unit, 0, len(text) - repeats * period):
        repeats += 1
    starts_with_it = text.endswith(unit.lstrip(), 0, len(text) - repeats * period)
    return repeats + (1 if starts_with_it and unit[0].isspace() else 0)


def _repeated_sentence(text: str) -> str:
    sentences = Counter(sentence.strip() for sentence in split_sentences(text))
    for sentence, count in sentences.most_common():
        if count < LOOP_REPEATS:
            break
        if _is_long(sentence):
            return f"It says “{_quoted(sentence)}” {count} times."
    return ""


def _is_long(sentence: str) -> bool:
    if len(sentence) >= SHORTEST_SENTENCE:
        return any(character.isalpha() for character in sentence)
    words = split_words(sentence)
    return sum(word_kind(word) is WordKind.CHARACTER for word in words) >= SHORTEST_UNSPACED_SENTENCE


def _repeated_phrase(text: str, language: str) -> str:
    """A phrase of 6 words (12 characters in Chinese) said 4 times, where such phrases fill two fifths of the answer."""
    words = [word for word in split_words(text) if word_kind(word) >= WordKind.WORD]
    size = PHRASE_CHARACTERS if _counts_characters(words, language) else PHRASE_WORDS
    if len(words) < size * PHRASE_REPEATS:
        return ""
    phrases = Counter(_phrases(words, size))
    covered_until = covered = 0
    for start, phrase in enumerate(_phrases(words, size)):
        if phrases[phrase] >= PHRASE_REPEATS:
            covered += start + size - max(start, covered_until)
            covered_until = start + size
    if covered < PHRASE_SHARE * len(words):
        return ""
    phrase, count = phrases.most_common(1)[0]
    joined = ("" if size == PHRASE_CHARACTERS else " ").join(phrase)
    return f"It comes back to “{_quoted(joined)}” {count} times."


def _phrases(words: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[offset:] for offset in range(size)), strict=False)


def _counts_characters(words: Sequence[str], language: str) -> bool:
    if language:
        return language.lower().startswith(_UNSPACED_LANGUAGES)
    return 2 * sum(word_kind(word) is WordKind.CHARACTER for word in words) > len(words)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED_CHARACTERS else line[: QUOTED_CHARACTERS - 1].rstrip() + "…"
