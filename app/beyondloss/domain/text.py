"""Text from outside (answers, comments, prompts) made safe to store. It must not change what a person can read."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """`text` with lone surrogates and NUL, which no database takes, shown as U+FFFD. Everything else stays."""
    if text.isascii() and "\x00" not in text:
        return text
    return "".join(
        REPLACEMENT if character == "\x00" or "\ud800" <= character <= "\udfff" else character for character in text
    )
