"""Markdown of untrusted answers: structure, and nothing else."""

import re

import pytest

from beyondloss.web.run.markdown import LONGEST, render_markdown

HARMLESS = {"p", "ul", "ol", "li", "em", "strong", "code", "pre", "blockquote", "hr", "br", "s"} | {
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


def tags(text: str) -> set[str]:
    return set(re.findall(r"</?([a-z0-9]+)", str(render_markdown(text))))


def test_structure_is_rendered() -> None:
    rendered = str(
        render_markdown("# Title\n\n- **one**\n- `two`\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    )
    assert '<p class="md-heading md-h1">Title</p>' in rendered
    assert "<strong>one</strong>" in rendered
    assert "<table>" in rendered
    assert '<code class="language-python">x = 1' in rendered


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://evil.example/pixel.png)",
        "[click](javascript:alert(1))",
        "[click][ref]\n\n[ref]: https://evil.example",
        "<https://evil.example>",
        "[![a](https://evil.example/a.png)](https://evil.example)",
        "<div style='position:fixed'>\n\nover everything\n\n</div>",
        "<!-- comment --> <svg onload=alert(1)>",
    ],
)
def test_nothing_that_links_loads_or_runs_comes_out(text: str) -> None:
    assert tags(text) <= HARMLESS


def test_the_words_of_a_link_and_its_address_are_shown() -> None:
    rendered = str(render_markdown("see [the docs](https://evil.example/x)"))
    assert "[the docs](https://evil.example/x)" in rendered


def test_what_is_too_long_is_left_as_text() -> None:
    assert render_markdown("x" * (LONGEST + 1)) is None
