"""A report as JSON: the numbers and texts, for programs. Words only where they are the finding."""

from beyondloss.analysis.loss_behaviour import cell_of
from beyondloss.services.choosing import StepMove
from beyondloss.services.losses import LossLevels
from beyondloss.services.report import Example, Report
from beyondloss.services.verdicts import BehaviourVerdict, VerdictSet
from beyondloss.web.choosing.data import as_json as choosing_json
from beyondloss.web.raters.words import as_json as agreement_json
from beyondloss.web.report.pages import ReportPage

Json = dict[str, object]


def as_json(report: Report, page: ReportPage) -> Json:
    """Finite numbers, strings, lists; null is not known."""
    found = report.verdicts
    levels = {one.step: one for one in report.levels}
    return {
        "run": {"id": report.run.id, "name": report.run.name, "project": report.run.project},
        "base_model": report.run.base_model,
        "step": found.step,
        "against": found.against,
        "against_step": found.against_step,
        "sampling": found.sampling_key,
        "made": page.head.made,
        "sentence": page.sentence.text if page.sentence else None,
        "changed": report.changed,
        "compared": report.changed + report.unchanged,
        "overall": _verdict(found.overall),
        "behaviours": [_verdict(one) for one in found.behaviours],
        "loss": None if report.losses is None else {
            "train": {"moved": report.losses.train.word, "ratio": report.losses.train.ratio},
            "eval": {"moved": report.losses.evaluated.word, "ratio": report.losses.evaluated.ratio},
        },
        "beside_loss": list(page.beside_loss),
        "steps": [_step(one, levels[one.step]) for one in report.by_step],
        "moves": [_move(one) for one in report.moves],
        "moved": list(page.moved),
        "choosing": choosing_json(report.run, report.weighing),
        "choice": list(page.choice.said) if page.choice else [],
        "gains": [_example(one) for one in report.gains],
        "setbacks": [_example(one) for one in report.setbacks],
        "alarms": [
            {"step": one.step, "severity": one.severity, "kind": one.kind} for one in report.run.alarms.alarms
        ],
        "agreement": agreement_json(report.agreement),
        "methods": list(page.methods),
    }  # fmt: skip


def _move(one: StepMove) -> Json:
    subjects = [one.overall, *one.behaviours]
    return {
        "before": one.before,
        "after": one.after,
        "loss": {"moved": one.loss.word, "ratio": one.loss.ratio, "series": "eval_loss" if one.evaluated else "loss"},
        "behaviours": [
            {
                "behaviour": subject.behaviour.name if subject.behaviour else None,
                "moved": subject.judged.word,
                "net_win": subject.judged.net_win.value if subject.judged.net_win else None,
                "meaning": cell_of(one.loss.word, subject.judged.word),
            }
            for subject in subjects
        ],
    }


def _verdict(one: BehaviourVerdict) -> Json:
    return {
        "behaviour": one.behaviour.name if one.behaviour else None,
        "wanted": one.behaviour.wanted if one.behaviour else None,
        "verdict": one.verdict,
        "net_win": one.net_win,
        "low": one.low,
        "high": one.high,
        "probes": one.probes,
        "ratings": one.ratings,
        "raters": one.raters,
        "needed": one.needed,
    }


def _step(one: VerdictSet, level: LossLevels) -> Json:
    behaviours = [_verdict(subject) for subject in one.behaviours]
    return {
        "step": one.step,
        "loss": level.train,
        "eval_loss": level.evaluated,
        "overall": _verdict(one.overall),
        "behaviours": behaviours,
    }


def _example(one: Example) -> Json:
    comparison = one.comparison
    return {
        "probe": comparison.probe.key,
        "prompt": comparison.probe.prompt,
        "answer": comparison.answer.text if comparison.answer else None,
        "reference": comparison.reference.text if comparison.reference else None,
        "value": one.value,
        "raters": one.raters,
    }
