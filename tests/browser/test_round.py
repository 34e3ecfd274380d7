"""A whole round: two people rate by keys alone, and everything the product then says agrees with a hand computation.

The hand computation starts from the rows of the database and uses numpy and scipy only.
"""

import csv
import io
import json
import sqlite3
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect
from scipy import integrate, stats

from beyondloss.cli import main
from beyondloss.store.engine import Store
from beyondloss.store.tables import Run
from tests.browser.conftest import OpenPage, RunningServer
from tests.factories import a_behaviour, a_probe, a_project, a_run, a_share_link, answers_everywhere, points

CARD = "#rate-stage .rate-card"
COMPARISONS = 20
EQUAL = 4
BUDGET_MS = 150
TRAINED = "after training"

# From the key's event to the frame that shows the next comparison.
TIMER = """() => {
  window.paces = [];
  let pressed = 0;
  addEventListener("keydown", () => (pressed = performance.now()), true);
  new MutationObserver(() => requestAnimationFrame(() => {
    if (pressed) window.paces.push(performance.now() - pressed);
    pressed = 0;
  })).observe(document.getElementById("rate-stage"), {childList: true});
}"""


@dataclass(frozen=True)
class Said:
    """What a person thinks of a probe: 1, 0 or −1 for the trained answer, or that both are bad."""

    verdict: int
    bad: bool = False


def opinion(person: str, number: int) -> Said:
    """The first ten probes became better, the next ten worse, and neither person sees it everywhere."""
    lean = 1 if number < 10 else -1
    if person == "owner":
        return Said(0 if number in {3, 14} else lean)
    return Said(-lean if number == 12 else 0 if number == 7 else lean, bad=number == 7)


def a_run_to_rate(store: Store) -> Run:
    """Twenty answers that changed and four that did not; a behaviour each half, and one that looks at some of both."""
    project = a_project(store, name="default")
    asks, facts, tone = (a_behaviour(store, project, name=name) for name in ("asks first", "keeps facts", "plain tone"))
    probes = []
    for number in range(COMPARISONS + EQUAL):
        examined = [asks if number < 10 or number == 20 else facts] if number < 22 else []
        examined += [tone] if number in {0, 1, 10, 11, 22, 23} else []
        probes.append(a_probe(store, project, key=f"p{number}", prompt=f"Question {number}?", behaviours=examined))
    run = a_run(store, project, steps=(30,), name="round")
    points(store, run, loss=[3.0 / (1 + step / 4) for step in range(30)])

    def text(step: int, probe: object) -> str:
        key = getattr(probe, "key", "")
        changed = step and int(key[1:]) < COMPARISONS
        return f"Answer {key} {TRAINED}." if changed else f"Answer {key}."

    answers_everywhere(store, run, probes, text)
    return run


def rate_one(page: Page, person: str, number_of_presses: int) -> None:
    card = page.locator(CARD)
    seen = card.get_attribute("data-pair")
    said = opinion(person, int(card.locator("h2").inner_text().split()[1].rstrip("?")))
    trained_left = TRAINED in card.locator(".rate-answer").first.inner_text()
    left, right = ("a", "b") if number_of_presses % 2 else ("ArrowLeft", "ArrowRight")
    wants_left = (said.verdict > 0) == trained_left
    page.keyboard.press("x" if said.bad else "s" if said.verdict == 0 else left if wants_left else right)
    expect(page.locator(f'{CARD}[data-pair="{seen}"]')).to_have_count(0)


def rows_of(store: Store, query: str) -> list[sqlite3.Row]:
    connection = sqlite3.connect(f"file:{store.file}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    with connection:
        return connection.execute(query).fetchall()


RATERS = "SELECT id, name FROM rater"
RATINGS = """
    SELECT p.key AS probe, r.rater_id, r.verdict, r.both_bad, r.blind, r.side, r.shown_at, r.rated_at
    FROM rating r JOIN answer a ON a.id = r.answer_id JOIN probe p ON p.id = a.probe_id
    WHERE r.superseded_by IS NULL AND r.verdict IS NOT NULL
"""
EXAMINED = """
    SELECT b.name AS behaviour, p.key AS probe FROM probe_behaviour pb
    JOIN behaviour b ON b.id = pb.behaviour_id JOIN probe p ON p.id = pb.probe_id
"""


@dataclass(frozen=True)
class ByHand:
    """What a behaviour's numbers must be."""

    value: float
    low: float
    high: float
    probes: int
    e_value: float
    decisive: int
    narrow_half: float

    @property
    def text(self) -> str:
        return f"{sign(self.value)}, {sign(self.low)}…{sign(self.high)}".replace("+", "").replace(
            sign(self.value).replace("+", ""), sign(self.value), 1
        )


def sign(value: float) -> str:
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def by_hand(means: Sequence[float]) -> ByHand:
    values = np.array(means)
    spread = values.std(ddof=1) / np.sqrt(len(values))
    half, narrow = (stats.t.ppf(level, len(values) - 1) * spread for level in (0.975, 0.95))
    evidence, _error = integrate.quad(lambda bet: np.prod(1 + bet * values) / 2, -1, 1)
    return ByHand(
        value=values.mean(),
        low=max(-1.0, values.mean() - half),
        high=min(1.0, values.mean() + half),
        probes=len(values),
        e_value=evidence,
        decisive=int(np.count_nonzero(values)),
        narrow_half=narrow,
    )


def words_by_hand(found: Mapping[str, ByHand]) -> dict[str, str]:
    """e-BH at 5 % over the behaviours, and equivalence by the 90 % interval inside ±0.2."""
    ranked = sorted(found, key=lambda name: -found[name].e_value)
    passing = [rank for rank, name in enumerate(ranked, 1) if found[name].e_value >= len(ranked) / (0.05 * rank)]
    called = set(ranked[: max(passing, default=0)])
    words = {}
    for name, one in found.items():
        word = "not_enough"
        if name in called and one.decisive >= 6 and (one.low > 0 or one.high < 0):
            word = "better" if one.low > 0 else "worse"
        elif one.probes >= 6 and abs(one.value) + one.narrow_half < 0.2:
            word = "same"
        words[name] = word
    return words


def test_two_people_rate_a_round_by_keys_and_all_that_is_said_of_it_is_what_a_hand_computes(
    server: RunningServer, page: Page, open_page: OpenPage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = a_run_to_rate(server.store)
    a_share_link(server.store, run=run, token="rate")
    guest = open_page()
    paces = rate_the_round(page, guest, run)

    ratings = wait_for_ratings(server.store, 2 * COMPARISONS)
    names = {row["id"]: "guest" if row["name"] == "Mei" else "owner" for row in rows_of(server.store, RATERS)}
    for row in ratings:
        said = opinion(names[row["rater_id"]], int(row["probe"][1:]))
        assert (row["verdict"], bool(row["both_bad"])) == (said.verdict, said.bad)
        assert row["blind"]
        assert 0 <= row["rated_at"] - row["shown_at"] < 60
    assert {row["side"] for row in ratings} == {"left", "right"}

    by_probe = defaultdict(list)
    for row in ratings:
        by_probe[row["probe"]].append(row["verdict"])
    means = {f"p{number}": float(np.mean(by_probe.get(f"p{number}", [0]))) for number in range(COMPARISONS + EQUAL)}
    examined = defaultdict(list)
    for row in rows_of(server.store, EXAMINED):
        examined[row["behaviour"]].append(means[row["probe"]])
    found = {name: by_hand(values) for name, values in examined.items()}
    words = words_by_hand(found)
    assert words == {"asks first": "better", "keeps facts": "worse", "plain tone": "not_enough"}

    check_pages(page, run, found, words)
    check_report(page, run, found, words, by_hand(list(means.values())), command(tmp_path, capfd))
    check_agreement(page, run, by_probe)
    check_exports(run, ratings, by_probe, command(tmp_path, capfd))
    check_pace(paces, capfd)


def rate_the_round(page: Page, guest: Page, run: Run) -> tuple[list[float], list[float]]:
    """Gives the milliseconds until the next comparison stood there, and until the vote was saved."""
    saved: list[float] = []

    def timed(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/rate"):
            saved.append(request.timing["responseEnd"])

    page.goto(f"/runs/{run.id}/rate")
    guest.goto("/s/rate")
    guest.keyboard.type("Mei")
    guest.keyboard.press("Enter")
    for one in (page, guest):
        one.wait_for_selector(CARD)
        one.evaluate(TIMER)
        one.on("requestfinished", timed)
    for number in range(COMPARISONS):
        for one, person in ((page, "owner"), (guest, "guest")):
            one.wait_for_selector(CARD)
            rate_one(one, person, number)
    for one in (page, guest):
        expect(one.locator("#rate-end")).to_contain_text(f"You have rated all {COMPARISONS} comparisons")
    return [pace for one in (page, guest) for pace in one.evaluate("paces")], saved


def wait_for_ratings(store: Store, number: int) -> list[sqlite3.Row]:
    deadline = time.monotonic() + 10
    while len(found := rows_of(store, RATINGS)) < number:
        assert time.monotonic() < deadline, f"only {len(found)} ratings arrived"
        time.sleep(0.05)
    assert len(found) == number
    return found


def check_pages(page: Page, run: Run, found: Mapping[str, ByHand], words: Mapping[str, str]) -> None:
    """The sentence and the table of the run page, its API, and the chips of the list."""
    page.goto(f"/runs/{run.id}?step=30")
    sentence = " ".join(page.locator("#run-say").inner_text().split())
    for name in ("asks first", "keeps facts"):
        assert f"{name} ({found[name].text}, {found[name].probes} probes, 2 raters)" in sentence
    assert sentence.index("more like what you want in asks first") < sentence.index("less like what you want in keeps")
    assert "not enough ratings for plain tone (" in sentence
    for name, one in found.items():
        cell = page.locator(f'#behaviours tr[data-behaviour="{name}"] [data-point]')
        assert cell.get_attribute("data-verdict") == words[name]
        assert float(cell.get_attribute("data-value") or "nan") == pytest.approx(one.value)
    items = page.request.get(f"/api/v1/runs/{run.id}/verdicts?step=30").json()["items"]
    assert {one["behaviour"]["name"]: one["verdict"] for one in items} == words
    for one in items:
        hand = found[one["behaviour"]["name"]]
        assert (one["net_win"], one["low"], one["high"]) == pytest.approx((hand.value, hand.low, hand.high))
        assert (one["probes"], one["decisive"]) == (hand.probes, hand.decisive)
        assert one["e_value"] == pytest.approx(hand.e_value)
    page.goto("/")
    for name, word in words.items():
        chip = page.locator(f".verdict-chips .verdict-mark.{word}", has_text=name)
        expect(chip).to_have_count(1)
        assert sign(found[name].value) in (chip.get_attribute("title") or "")


def check_report(
    page: Page,
    run: Run,
    found: Mapping[str, ByHand],
    words: Mapping[str, str],
    overall: ByHand,
    call: Callable[..., str],
) -> None:
    page.goto(f"/runs/{run.id}/report")
    table = " ".join(page.locator(".report table").first.inner_text().split())
    for one in found.values():
        assert sign(one.value) in table
        assert f"{sign(one.low)}…{sign(one.high)}".replace("+", "") in table
    report = json.loads(call("report", "round", "--format", "json"))
    assert {one["behaviour"]: one["verdict"] for one in report["behaviours"]} == words
    for one in (*report["behaviours"], report["overall"]):
        hand = found.get(one["behaviour"], overall)
        assert (one["net_win"], one["low"], one["high"]) == pytest.approx((hand.value, hand.low, hand.high))
        assert (one["probes"], one["raters"]) == (hand.probes, 2)


def check_agreement(page: Page, run: Run, by_probe: Mapping[str, Sequence[int]]) -> None:
    """Krippendorff's alpha for two raters without missing values, with ordinal differences, as published."""
    pairs = np.array([by_probe[f"p{number}"] for number in range(COMPARISONS)], dtype=float)
    values = np.array([-1.0, 0.0, 1.0])
    counts = np.array([(pairs == value).sum() for value in values])
    ranks = np.cumsum(counts) - counts / 2
    place = dict(zip(values, ranks, strict=True))
    observed = np.mean([(place[one] - place[other]) ** 2 for one, other in pairs])
    total = counts.sum()
    expected = sum(counts[i] * counts[j] * (ranks[i] - ranks[j]) ** 2 for i in range(3) for j in range(3)) / (
        total * (total - 1)
    )
    found = page.request.get(f"/api/v1/runs/{run.id}/agreement").json()
    assert found["overall"]["alpha"] == pytest.approx(1 - observed / expected)
    assert found["overall"]["raw"] == pytest.approx(np.mean(pairs[:, 0] == pairs[:, 1]))
    assert [row["comparisons"] for row in found["raters"]] == [COMPARISONS, COMPARISONS]


def check_exports(
    run: Run, ratings: Sequence[sqlite3.Row], by_probe: Mapping[str, Sequence[int]], call: Callable[..., str]
) -> None:
    written = list(csv.DictReader(io.StringIO(call("export", "ratings", "round", "--format", "csv"))))
    stored = sorted((row["probe"], row["verdict"], bool(row["both_bad"]), row["side"]) for row in ratings)
    assert (
        sorted((one["probe"], int(one["verdict"]), one["both_bad"].lower() == "true", one["side"]) for one in written)
        == stored
    )
    agreed = {probe: said[0] for probe, said in by_probe.items() if said[0] == said[1] != 0}
    lines = [json.loads(line) for line in call("export", "preferences", "round", "--format", "trl-dpo").splitlines()]
    exported = {one["provenance"]["probe"]: one for one in lines}
    assert exported.keys() == agreed.keys()
    for probe, verdict in agreed.items():
        wanted = f"Answer {probe} {TRAINED}." if verdict > 0 else f"Answer {probe}."
        assert exported[probe]["chosen"][-1]["content"] == wanted


def check_pace(paces: tuple[list[float], list[float]], capfd: pytest.CaptureFixture[str]) -> None:
    for what, times in zip(("next comparison", "vote saved"), paces, strict=True):
        ranked = sorted(times)
        assert len(ranked) == 2 * COMPARISONS
        with capfd.disabled():
            sys.stdout.write(
                f"\n{what}, {len(ranked)} ratings: median {statistics.median(ranked):.0f} ms,"
                f" 95 % {ranked[int(0.95 * len(ranked))]:.0f} ms, longest {ranked[-1]:.0f} ms (budget {BUDGET_MS} ms)"
            )
    # The vote is saved while the next one is read: how soon is reported, and for nobody to wait for.
    assert statistics.median(paces[0]) <= BUDGET_MS


def command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: str) -> str:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--data-dir", str(tmp_path / "data")])
        out, err = capfd.readouterr()
        assert not ended.value.code, err
        return out

    return call
