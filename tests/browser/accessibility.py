"""axe-core over the page as it stands: serious and critical findings fail the test."""

from pathlib import Path

from playwright.sync_api import Page

AXE_PATH = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
_FAILING = {"serious", "critical"}
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check_accessibility(page: Page) -> None:
    """Run axe in the page. It is evaluated, not loaded: the page's content policy stays in force."""
    page.evaluate(AXE_PATH.read_text("utf-8"))
    findings = page.evaluate(
        "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", _RULES
    )["violations"]
    bad = [f for f in findings if f["impact"] in _FAILING]
    lines = [f"{f['impact']} {f['id']}: {f['help']}\n    {n['html'][:200]}" for f in bad for n in f["nodes"][:4]]
    assert not bad, "\n".join(lines)
