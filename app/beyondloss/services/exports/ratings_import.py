"""Ratings back in from a file that `rating_lines` wrote, here or in another store. The same file twice is once."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlmodel import Session

from beyondloss.domain.access import OWNER
from beyondloss.domain.ratings import Verdict
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput
from beyondloss.services.exports.csv_cells import csv_records
from beyondloss.services.exports.judged import exported_run
from beyondloss.services.exports.tables import text_sha256
from beyondloss.services.ratings import MOST_COMMENT_CHARACTERS, MOST_NAME_CHARACTERS, clean_name
from beyondloss.store import answers, raters, rating_files, ratings
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Answer, Rating

LARGEST_STEP = 2**53 - 1
LATEST_SECONDS = 1e11


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


Moment = Annotated[float, Field(ge=0, le=LATEST_SECONDS, allow_inf_nan=False)]
Step = Annotated[int, Field(ge=0, le=LARGEST_STEP)]


class _Entry(BaseModel):
    """One line of the file. What is not needed to find the answers and the person is not read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    run: str = Field(max_length=4096)
    step: Step
    reference_run: str = Field(max_length=4096)
    reference_step: Step
    probe_set: str
    probe: str
    sampling: str
    sample: int = Field(ge=0, le=LARGEST_STEP)
    behaviour: str = ""
    rater: str
    verdict: Verdict
    both_bad: bool = False
    comment: Annotated[str, Field(max_length=MOST_COMMENT_CHARACTERS)] = ""
    blind: bool = False
    side: Annotated[Literal["left", "right"] | None, BeforeValidator(_none_if_empty)] = None
    shown_at: Annotated[Moment | None, BeforeValidator(_none_if_empty)] = None
    rated_at: Moment
    answer_sha256: str
    reference_sha256: str


@dataclass(frozen=True, slots=True)
class RatingsImported:
    """`added` are new, `known` were there already (or something newer by the same person), `unmatched` found no answer
    with the same words; `problems` says which, in sentences, the first few."""

    added: int
    known: int
    unmatched: int
    problems: tuple[str, ...]


MOST_PROBLEMS = 10


def import_ratings(store: Store, run_id: int, text: str) -> RatingsImported:
    """Add what the file (CSV or JSON lines) holds for this run. Everybody in it becomes a rater by name.

    A rating joins the answers that have the same words, so it never lands on something its rater did not read.
    Raises InvalidInput for a file that is neither, naming the line; then nothing is added.
    """
    exported_run(store, run_id, OWNER)
    entries = _entries(text)
    added = known = 0
    problems: list[str] = []
    with store.write() as session:
        bump_run(session, run_id)
        run = answers.get_run(session, run_id)
        if run is None:
            raise InvalidInput("The run is gone.", hint="The runs list names them all.")
        matcher = _Matcher(session, run_id=run_id, run=run.name, project_id=run.project_id)
        for number, entry in enumerate(entries, start=1):
            rating = matcher.rating_of(entry)
            if isinstance(rating, str):
                problems.append(f"Rating {number}: {rating}")
            elif _append(session, entry, rating):
                added += 1
            else:
                known += 1
    return RatingsImported(added, known, len(problems), tuple(problems[:MOST_PROBLEMS]))


def _entries(text: str) -> list[_Entry]:
    records = _json_records(text) if text.lstrip("\ufeff \r\n\t").startswith("{") else csv_records(text)
    found = []
    for number, record in enumerate(records, start=1):
        try:
            entry = _Entry.model_validate(record)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "it"
            raise InvalidInput(
                f"Rating {number} of the file cannot be read: {field}: {first['msg'].lower()}.",
                hint="Import what `beyondloss export ratings` wrote.",
            ) from error
        if not 0 < len(clean_name(entry.rater)) <= MOST_NAME_CHARACTERS:
            raise InvalidInput(f"Rating {number} of the file has no usable rater name.", hint="Give every rating one.")
        found.append(entry)
    if not found:
        raise InvalidInput("The file holds no ratings.", hint="Import what `beyondloss export ratings` wrote.")
    return found


def _json_records(text: str) -> Iterable[object]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InvalidInput(f"Line {number} is no JSON.", hint="One JSON object on each line.") from error


class _Matcher:
    """Finds the answers that entries name. Each checkpoint and probe is looked up once."""

    def __init__(self, session: Session, *, run_id: int, run: str, project_id: int) -> None:
        self._session = session
        self._run_id = run_id
        self._run = run
        self._project_id = project_id
        self._keys = rating_files.sampling_keys(session)
        self._found: dict[tuple[str, int, str, str], Sequence[Answer]] = {}
        self._behaviours: dict[str, int | None] = {"": None}

    def rating_of(self, entry: _Entry) -> Rating | str:
        """The row to append, its rater still to be named; or why there is none."""
        answer = self._answer(entry, run=self._run, step=entry.step, sha256=entry.answer_sha256)
        theirs = self._run if entry.reference_run == entry.run else entry.reference_run  # it may bear a new name here
        reference = self._answer(entry, run=theirs, step=entry.reference_step, sha256=entry.reference_sha256)
        if answer is None or reference is None or answer.id == reference.id or answer.probe_id != reference.probe_id:
            return f"no answers with these words to {entry.probe[:80]!r} at steps {entry.step}, {entry.reference_step}."
        if entry.behaviour not in self._behaviours:
            found = rating_files.behaviour_id(self._session, self._project_id, storable(entry.behaviour))
            self._behaviours[entry.behaviour] = found
        behaviour_id = self._behaviours[entry.behaviour]
        if entry.behaviour and (
            behaviour_id is None or not ratings.examines(self._session, answer.probe_id, behaviour_id)
        ):
            return f"{entry.probe[:80]!r} examines no behaviour {entry.behaviour[:80]!r}."
        return _row(entry, self._run_id, answer, reference, behaviour_id=behaviour_id)

    def _answer(self, entry: _Entry, *, run: str, step: int, sha256: str) -> Answer | None:
        key = (storable(run), step, storable(entry.probe_set), storable(entry.probe))
        if key not in self._found:
            self._found[key] = rating_files.answers_named(
                self._session, project_id=self._project_id, run=key[0], step=step, probe_set=key[2], probe=key[3]
            )
        for answer in self._found[key]:
            drawn = self._keys.get(answer.sampling_id) == entry.sampling and answer.sample_index == entry.sample
            if drawn and text_sha256(answer.text) == sha256:
                return answer
        return None


def _row(entry: _Entry, run_id: int, answer: Answer, reference: Answer, *, behaviour_id: int | None) -> Rating:
    return Rating(
        run_id=run_id,
        rater_id=0,
        answer_id=stored_id(answer.id),
        reference_id=stored_id(reference.id),
        behaviour_id=behaviour_id,
        verdict=entry.verdict.value,
        both_bad=entry.both_bad,
        comment=storable(entry.comment).strip(),
        blind=entry.blind,
        side=entry.side,
        shown_at=entry.shown_at,
        rated_at=entry.rated_at,
    )


def _append(session: Session, entry: _Entry, row: Rating) -> bool:
    """Whether it is new. The run's row is locked by now, so nobody appends to these logs meanwhile."""
    name = clean_name(entry.rater)
    heads = rating_files.heads_by_name(
        session,
        rater=name,
        answer_id=row.answer_id,
        reference_id=row.reference_id,
        behaviour_id=row.behaviour_id,
    )
    if any(head.rated_at >= row.rated_at or math.isclose(head.rated_at, row.rated_at, abs_tol=1e-3) for head in heads):
        return False
    last = next(iter(heads), None)
    row.rater_id = last.rater_id if last else stored_id(raters.ensure_guest(session, name, None).id)
    row.replaces = last.id if last is not None and last.verdict is not None else None
    ratings.append(session, row, superseding=last)
    return True
