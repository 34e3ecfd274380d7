"""An answer's Markdown as HTML that can do nothing: no links, no images, no raw HTML. Knows no page."""

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

LONGEST = 50_000
"""Characters rendered at most: longer answers are shown as the text they are."""


class _Renderer(RendererHTML):
    """Headings become paragraphs that look like headings, so that an answer cannot bend the page's outline."""

    def heading_open(self, tokens: list[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        return f'<p class="md-heading md-{tokens[idx].tag}">'

    def heading_close(self, _tokens: list[Token], _idx: int, _options: OptionsDict, _env: EnvType) -> str:
        return "</p>\n"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    # With these rules off, `[text](address)` and `![alt](address)` stay the characters they are.
    parser.disable(["image", "link", "autolink", "reference", "html_block", "html_inline"])
    return parser


_PARSER = _parser()


def render_markdown(text: str) -> Markup | None:
    """Safe HTML, or None when the text is too long to render."""
    if len(text) > LONGEST:
        return None
    return Markup(_PARSER.render(text))  # noqa: S704 - the parser escapes all text and emits none of the tags above
