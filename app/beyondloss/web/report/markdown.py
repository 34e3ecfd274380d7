"""A report as Markdown. Answers are untrusted: they stand in fences longer than any run of backticks inside them."""

import re
from collections.abc import Iterable, Sequence

from beyondloss.web.i18n import gettext as _
from beyondloss.web.raters.words import agreement_table, raters_table
from beyondloss.web.report.pages import ReportExample, ReportPage, ReportRow

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def as_markdown(page: ReportPage) -> str:
    """The whole report, ended by one line end."""
    parts = [*_top(page), *_behaviours(page), *_steps(page), *_choice(page)]
    for title, examples in ((_("Clearest gains"), page.gains), (_("Clearest setbacks"), page.setbacks)):
        if examples:
            parts += [f"## {title}", *(_example(one) for one in examples)]
    if page.alarms:
        lines = [f"{_step_label(one.step)}: {_plain(one.name)}. {_plain(one.sentence)}" for one in page.alarms]
        parts += [f"## {_('Loss alarms')}", _listed(lines)]
    parts += _raters(page)
    parts += [f"## {_('How this was found out, and how far to trust it')}", _listed(map(_plain, page.methods))]
    return "\n\n".join(parts) + "\n"


def _top(page: ReportPage) -> list[str]:
    head = page.head
    against = _("Step %(step)s against %(against)s") % {"step": head.step, "against": head.against}
    facts = [one for one in (head.project, head.base_model, head.trainer, head.changed, head.rated, head.made) if one]
    parts = [f"# {_plain(head.name)}", f"**{_plain(against)}**", _plain(" · ".join(facts))]
    if page.sentence:
        parts.append(_plain(page.sentence.text))
    if page.choice and page.choice.headline:
        parts.append(f"**{_plain(page.choice.headline)}**")
    return parts


def _behaviours(page: ReportPage) -> list[str]:
    head = [_("behaviour"), _("verdict"), _("net win"), _("interval"), _("probes"), _("ratings"), _("raters")]
    rows = [[_named(row), _verdict(row), row.value or "–", row.interval or "–", *_counts(row)] for row in page.rows]
    parts = [f"## {_('Behaviours')}", _table(head, rows)]
    if page.beside_loss:
        parts.append(_listed(map(_plain, page.beside_loss)))
    return parts


def _steps(page: ReportPage) -> list[str]:
    if page.matrix is None:
        return []
    parts = [f"## {_('Loss against behaviour')}"]
    if page.steps:
        head = [_("step"), _("training loss"), _("eval loss"), *map(_plain, page.subjects)]
        rows = [
            [str(one.step), one.train, one.evaluated, *(f"{cell.shape} {cell.value}" for cell in one.cells)]
            for one in page.steps
        ]
        parts.append(_table(head, rows))
    matrix = [[row.label, *(str(cell.count) for cell in row.cells)] for row in page.matrix.rows]
    parts.append(_table([_("from checkpoint to checkpoint"), *page.matrix.columns], matrix))
    return [*parts, _listed(map(_plain, page.moved))]


def _choice(page: ReportPage) -> list[str]:
    found = page.choice
    if found is None:
        return []
    parts = [f"## {_('Choosing')}"]
    if found.chosen:
        chosen = _("Chosen: %(step)s") % {"step": found.chosen}
        parts.append(f"**{_plain(chosen)}** {_plain(found.note)}".strip())
    head = [_("checkpoint"), _("net win"), _("best in"), _("training loss"), _("eval loss"), _("marks")]
    rows = [
        [
            f"**{_plain(row.name)}**" if row.chosen else _plain(row.name),
            f"{row.shape} {row.value} ({row.interval})" if row.interval else row.value,
            row.share,
            row.train,
            row.evaluated,
            _(", ").join(map(_plain, row.marks)),
        ]
        for row in found.rows
    ]
    return [*parts, _table(head, rows), _listed(map(_plain, found.said))]


def _raters(page: ReportPage) -> list[str]:
    if not page.raters.several:
        return []
    tables = [
        [[*map(_plain, row)] for row in rows] for rows in (agreement_table(page.raters), raters_table(page.raters))
    ]
    return [
        f"## {_('Raters')}",
        *(_table(head, rows) for head, *rows in tables),
        _listed(map(_plain, page.rater_notes)),
    ]


def _example(one: ReportExample) -> str:
    said = [f"### {_plain(one.prompt)}", _plain(" · ".join([one.agreed, *one.behaviours]))]
    return "\n\n".join(
        [*said, f"{_('before')}:", _fenced(one.reference), f"{_('now')}:", _fenced(one.answer)],
    )


def _named(row: ReportRow) -> str:
    return f"{_plain(row.name)}<br>{_plain(row.wanted)}" if row.wanted else _plain(row.name)


def _verdict(row: ReportRow) -> str:
    return f"{row.shape} {row.label}: {row.needed}" if row.needed else f"{row.shape} {row.label}"


def _counts(row: ReportRow) -> list[str]:
    return [str(row.probes), str(row.ratings), str(row.raters)]


def _step_label(step: int) -> str:
    return _("step %(step)s") % {"step": step}


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """One line that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
