"""Agreement and raters as table rows ready to show: on the raters' page, in the report, in Markdown, in JSON."""

from dataclasses import dataclass

from beyondloss.analysis.verdicts import MOST_MARGIN
from beyondloss.services.agreement import (
    Agreement,
    BaseNoise,
    BehaviourAgreement,
    RaterRow,
    Share,
    Undefined,
)
from beyondloss.web.i18n import gettext as _
from beyondloss.web.i18n import ngettext

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """`why` says why there is no alpha, else it is empty."""

    name: str
    comparisons: int
    raw: str
    alpha: str
    why: str


@dataclass(frozen=True, slots=True)
class RaterLine:
    """`lean` is empty unless the side clearly sways this rater."""

    name: str
    is_me: bool
    comparisons: int
    blind: int
    left: str
    lean: str
    steady: str
    pace: str


@dataclass(frozen=True, slots=True)
class RatersPart:
    """The two tables. `several`: some comparison was rated by more than one person."""

    agreement: tuple[AgreementLine, ...]
    raters: tuple[RaterLine, ...]
    several: bool
    noise: str
    """What base against base has shown; empty where nobody was asked."""


def build_part(found: Agreement) -> RatersPart:
    return RatersPart(
        agreement=tuple(_agreement_line(one) for one in (*found.behaviours, found.overall)),
        raters=tuple(_rater_line(row) for row in found.raters),
        several=bool(found.overall.comparisons),
        noise=_noise(found.noise),
    )


def _noise(noise: BaseNoise) -> str:
    if not noise.probes:
        return ""
    if noise.net_win is None:
        pattern = ngettext(
            "Base against base was rated on %(n)s probe; it takes six to know the noise.",
            "Base against base was rated on %(n)s probes; it takes six to know the noise.",
            noise.probes,
        )
        return pattern % {"n": noise.probes}
    half = (noise.net_win.high - noise.net_win.low) / 2
    said = {"n": noise.probes, "half": f"{half:.2f}", "margin": f"{noise.margin:.2f}"}
    if noise.margin > MOST_MARGIN:
        pattern = _(
            "Base against base, over %(n)s probes, has a net win that is known to ±%(half)s only: too wide to call "
            "anything the same."
        )
    else:
        pattern = _(
            "Base against base, over %(n)s probes, has a net win that is known to ±%(half)s: net wins within "
            "±%(margin)s are called the same."
        )
    return pattern % said


def _agreement_line(one: BehaviourAgreement) -> AgreementLine:
    whys = {
        None: "",
        Undefined.NOT_SHARED: _("no comparison was rated by two people"),
        Undefined.ONE_VALUE: _("undefined: everybody said the same"),
        Undefined.HIDDEN: _("shown once six comparisons are shared"),
    }
    return AgreementLine(
        name=one.behaviour.name if one.behaviour else _("all probes together"),
        comparisons=one.comparisons,
        raw="–" if one.raw is None else _percent(one.raw),
        alpha="" if one.alpha is None else f"{one.alpha:.2f}".replace("-", "−"),
        why=whys[one.undefined],
    )


def _rater_line(row: RaterRow) -> RaterLine:
    return RaterLine(
        name=row.name,
        is_me=row.is_me,
        comparisons=row.comparisons,
        blind=row.blind,
        left=share_text(row.left),
        lean=_lean(row.left),
        steady=share_text(row.steady),
        pace="–" if row.seconds is None else _("%(seconds)s s") % {"seconds": f"{row.seconds:.1f}"},
    )


def share_text(share: Share) -> str:
    """`55 % (38–71 %)`, – without anything to count."""
    if share.value is None:
        return "–"
    return _("%(share)s (%(low)s–%(high)s)") % {
        "share": _percent(share.value),
        "low": f"{100 * share.interval.low:.0f}",
        "high": _percent(share.interval.high),
    }


def _lean(share: Share) -> str:
    if share.interval.low > 1 / 2:
        return _("leans to the left")
    return _("leans to the right") if share.interval.high < 1 / 2 else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def notes() -> tuple[str, ...]:
    """What the columns mean, for people who do not do statistics."""
    return (
        _(
            "Raw agreement is the share of pairs of ratings of one comparison that are equal. Krippendorff's alpha "
            "takes off what chance would give: 1 is full agreement, 0 no better than chance; from about 0.67 on it is "
            "fair, from 0.8 on good."
        ),
        _(
            "A coin decides which answer stands on the left. Who chooses the left one clearly more or less than half "
            "the time is swayed by its place."
        ),
        _(
            "Quality checks ask one comparison in ten again with the sides swapped: same again says how often somebody "
            "repeats their own rating."
        ),
    )


def agreement_table(part: RatersPart) -> list[list[str]]:
    """As cells, the head first."""
    head = [_("behaviour"), _("rated by several"), _("raw agreement"), _("Krippendorff's alpha")]
    agreement = [[one.name, str(one.comparisons), one.raw, one.alpha or one.why] for one in part.agreement]
    return [head, *agreement]


def raters_table(part: RatersPart) -> list[list[str]]:
    """As cells, the head first."""
    head = [
        _("rater"),
        _("comparisons"),
        _("rated blind"),
        _("chose the left answer"),
        _("same again"),
        _("per comparison"),
    ]
    rows = [
        [
            one.name,
            str(one.comparisons),
            str(one.blind),
            " · ".join(filter(None, (one.left, one.lean))),
            one.steady,
            one.pace,
        ]
        for one in part.raters
    ]
    return [head, *rows]


def as_json(found: Agreement) -> Json:
    """Finite numbers and names; null is not known."""
    return {
        "overall": _agreement_json(found.overall),
        "behaviours": [_agreement_json(one) for one in found.behaviours],
        "raters": [_rater_json(row) for row in found.raters],
        "disagreements": len(found.disagreements) + found.left_out,
        "base_noise": noise_json(found.noise),
    }


def noise_json(noise: BaseNoise) -> Json:
    known = noise.net_win
    return {
        "probes": noise.probes,
        "net_win": known.value if known else None,
        "low": known.low if known else None,
        "high": known.high if known else None,
        "margin": noise.margin,
    }


def _agreement_json(one: BehaviourAgreement) -> Json:
    return {
        "behaviour": one.behaviour.name if one.behaviour else None,
        "comparisons": one.comparisons,
        "raw_agreement": one.raw,
        "alpha": one.alpha,
        "undefined": one.undefined,
    }


def _rater_json(row: RaterRow) -> Json:
    return {
        "rater": row.name,
        "comparisons": row.comparisons,
        "blind": row.blind,
        "left": _share_json(row.left),
        "same_again": _share_json(row.steady),
        "seconds": row.seconds,
    }


def _share_json(share: Share) -> Json:
    known = share.value is not None
    return {
        "share": share.value,
        "low": share.interval.low if known else None,
        "high": share.interval.high if known else None,
        "count": share.count,
        "total": share.total,
    }
