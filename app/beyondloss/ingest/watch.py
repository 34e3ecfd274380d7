"""Watching run folders by looking: the same on local, network and symlinked folders, and cheap when nothing happens.

A watch that begins anew is told what earlier ones had read (`RememberedRun`): what looks the same is not read again.

Why no file system events: they say nothing on network mounts, need a watch for every folder of every run (a limited
resource), and miss what happens behind a symlink. A stat of a few paths per run tells the same within a second.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from beyondloss import __version__
from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.runs import CheckpointState, FoundRun, RememberedRun, RunState
from beyondloss.errors import BeyondLossError, Unreadable
from beyondloss.ingest.discover import Readers, discover
from beyondloss.ingest.formats.huggingface import EMPTY_RUN
from beyondloss.ingest.formats.registry import all_readers
from beyondloss.ingest.joining import RunFolder
from beyondloss.ingest.looks import Look, TellingPaths, look_at, telling_paths

SWEEP_SECONDS = 120.0
"""How often everything is searched anew whatever the stats say: on network folders mtimes may lie."""
SEARCH_SHARE = 0.2
"""Searching for new runs takes at most this share of the time while folders change; idle folders are only looked at."""
STILL_TRAINING_SECONDS = 300.0
"""How often a run in training is read anew without news: silence alone tells that it has ended."""
QUIET_SECONDS = 600.0
"""Runs without news for so long are looked at every other time."""


@dataclass(frozen=True, slots=True)
class News:
    """What one look found. `found.points` holds only points that earlier news of the same run did not."""

    runs: tuple[FoundRun, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Watched:
    """A run folder between two looks."""

    run: RunFolder
    paths: TellingPaths = field(default_factory=TellingPaths)
    often: Look = ()
    seldom: Look = ()
    last: FoundRun | None = None
    known: dict[tuple[str, int], float] = field(default_factory=dict)
    restless: bool = True
    news_at: float = 0.0
    read_at: float = 0.0


class FolderWatch:
    """Follows every run under some folders. Not shared between threads; remembers nothing on disk itself."""

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        skip: Iterable[Path] = (),
        readers: Readers | None = None,
        remembered: Iterable[RememberedRun] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots = roots
        self._skip = tuple(skip)
        self._readers = readers or all_readers()
        self._monotonic = monotonic
        self._runs: dict[Path, _Watched] = {}
        self._remembered = {one.found.output_dir: one for one in remembered}
        self._searched: tuple[str, ...] = ()
        self._searched_look: Look = ()
        self._search_problems: tuple[str, ...] = ()
        self._searched_at = float("-inf")
        self._search_seconds = 0.0
        self._count = 0

    @property
    def restless(self) -> bool:
        """Whether some checkpoint is being saved, so that the next look should come soon."""
        return any(watched.restless for watched in self._runs.values())

    def look(self) -> News:
        """What is new since the last look; the first one tells everything."""
        self._count += 1
        self._search()
        runs, problems = [], list(self._search_problems)
        for number, watched in enumerate(list(self._runs.values())):
            try:
                if self._has_news(watched, turn=number + self._count) and (found := self._read(watched)) is not None:
                    runs.append(found)
            except Unreadable as error:
                if error.code != EMPTY_RUN:
                    problems.append(error.message)
        return News(tuple(runs), tuple(problems))

    def forget(self, output_dir: Path) -> None:
        """Tell this run again in full at the next look: what was told could not be stored."""
        watched = self._runs.get(output_dir)
        if watched is not None:
            self._runs[output_dir] = _Watched(watched.run)

    def _search(self) -> None:
        now = self._monotonic()
        due = now - self._searched_at >= SWEEP_SECONDS
        if not due:
            if now - self._searched_at < self._search_seconds / SEARCH_SHARE:
                return
            if look_at(self._searched) == self._searched_look:
                return
        discovery = discover(self._roots, self._readers, skip=self._skip)
        self._searched = tuple(str(folder) for folder in [*self._roots, *discovery.searched])
        self._searched_look = look_at(self._searched)
        self._search_problems = tuple(discovery.problems)
        for run in discovery.runs:
            self._take(run)
        self._miss()
        self._searched_at = self._monotonic()
        self._search_seconds = self._searched_at - now

    def _take(self, run: RunFolder) -> None:
        known = self._runs.get(run.path)
        if known is None or known.run.reader is not run.reader:
            watched = self._runs[run.path] = _Watched(run)
            if known is None:
                self._go_on(watched)
        elif known.run != run:
            known.run, known.restless = run, True
        for companion in run.companions:
            self._runs.pop(companion.path, None)

    def _go_on(self, watched: _Watched) -> None:
        """Where an earlier watch was, if all looks as it did then. A run in training is read: it may have ended."""
        earlier = self._remembered.pop(watched.run.path, None)
        if earlier is None:
            return
        watched.last = earlier.found
        self._look_at(watched)
        if earlier.mark and earlier.mark == _mark(watched) and earlier.found.state is not RunState.TRAINING:
            watched.restless = False
            watched.read_at = self._monotonic()

    def _miss(self) -> None:
        """Runs that went while nobody watched: they are told as gone at the next look."""
        roots = [root.absolute() for root in self._roots if root.is_dir()]
        for path, earlier in list(self._remembered.items()):
            run = RunFolder(path, self._readers.strong[0])
            if any(path.is_relative_to(root) for root in roots) and not run.exists:
                self._runs[path] = _Watched(run, last=earlier.found)
        self._remembered.clear()

    def _look_at(self, watched: _Watched) -> None:
        run = watched.run
        watched.paths = telling_paths(run.path, elsewhere=[companion.path for companion in run.companions])
        watched.often, watched.seldom = look_at(watched.paths.often), look_at(watched.paths.seldom)

    def _has_news(self, watched: _Watched, *, turn: int) -> bool:
        now = self._monotonic()
        if watched.restless:
            return True
        if now - watched.news_at > QUIET_SECONDS and turn % 2:
            return False
        in_training = watched.last is not None and watched.last.state is RunState.TRAINING
        if in_training and now - watched.read_at > STILL_TRAINING_SECONDS:
            return True
        if look_at(watched.paths.often) != watched.often:
            return True
        return turn // 2 % 2 == 0 and look_at(watched.paths.seldom) != watched.seldom

    def _read(self, watched: _Watched) -> FoundRun | None:
        """What the run's folder says, if that is anything new."""
        # Looked at before reading: what is written meanwhile shows as a difference at the next look.
        self._look_at(watched)
        watched.read_at = self._monotonic()
        watched.restless = False
        if not watched.run.exists:
            return self._vanished(watched)
        found = read_run(watched.run)
        watched.restless = any(checkpoint.state is CheckpointState.SAVING for checkpoint in found.checkpoints)
        if not watched.restless and all(one.state is not CheckpointState.UNREADABLE for one in found.checkpoints):
            found = replace(found, read_mark=_mark(watched))
        if watched.last is not None and watched.last.first_log_key != found.first_log_key:
            watched.known.clear()  # a rerun is told from its first point on
        fresh = _fresh_points(found.points, watched.known)
        told = replace(found, points=fresh)
        bare = replace(found, points=(), read_mark="")
        if watched.last is not None and not fresh and watched.last == bare:
            return None
        watched.last = bare
        watched.news_at = watched.read_at
        return told

    def _vanished(self, watched: _Watched) -> FoundRun | None:
        """A deleted run folder: its checkpoints are gone, its answers stay."""
        self._runs.pop(watched.run.path, None)
        if watched.last is None or not watched.last.checkpoints:
            return None
        state = RunState.FINISHED if watched.last.state is RunState.TRAINING else watched.last.state
        return replace(watched.last, checkpoints=(), points=(), state=state)


def _mark(watched: _Watched) -> str:
    """Another version of this program may read more out of the same files."""
    looked = (__version__, watched.run.reader.trainer, watched.paths, watched.often, watched.seldom)
    return hashlib.sha256(repr(looked).encode()).hexdigest()[:32]


def read_run(run: RunFolder) -> FoundRun:
    """Read one run folder. Raises `Unreadable` for whatever goes wrong: one odd folder must not end a watch."""
    try:
        return run.read()
    except BeyondLossError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unreadable(f"{run.path} cannot be read: {reason}.", hint="Check the folder.") from error
    except Exception as error:  # the boundary to files that anybody may have written
        raise Unreadable(
            f"{run.path} cannot be read as a run of {run.reader.trainer}: {type(error).__name__}: {error}.",
            hint="Please report this, with the file it names.",
        ) from error


def _fresh_points(points: Sequence[MetricPoint], known: dict[tuple[str, int], float]) -> tuple[MetricPoint, ...]:
    fresh = []
    for point in points:
        key = (point.name, point.step)
        value = known.get(key)
        if value is None or (value != point.value and not (value != value and point.value != point.value)):
            known[key] = point.value
            fresh.append(point)
    return tuple(fresh)
