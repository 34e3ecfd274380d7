"""Rows put straight into a store, for tests that need something to be there.

Every function takes the store first, has a default for everything else, commits at once and gives the row back:

    project = a_project(store)
    probe = a_probe(store, project, prompt="What is the capital of France?")
    run = a_run(store, project, steps=(10, 20))          # with its base checkpoint at step 0
    base, first, second = checkpoints_of(store, run)
    an_answer(store, first, probe, text="Paris.")        # current, under the project's default sampling
    points(store, run, loss=[2.0, 1.5, float("nan")])    # through the real service, at steps 1, 2, 3
"""

from tests.factories.answers import a_job, a_sampling, an_answer, answers_everywhere
from tests.factories.projects import a_behaviour, a_probe, a_probe_set, a_project
from tests.factories.ratings import a_quality_check, a_rater, a_rating, a_share_link
from tests.factories.runs import a_checkpoint, a_found_checkpoint, a_found_run, a_run, checkpoints_of, points

__all__ = [
    "a_behaviour",
    "a_checkpoint",
    "a_found_checkpoint",
    "a_found_run",
    "a_job",
    "a_probe",
    "a_probe_set",
    "a_project",
    "a_quality_check",
    "a_rater",
    "a_rating",
    "a_run",
    "a_sampling",
    "a_share_link",
    "an_answer",
    "answers_everywhere",
    "checkpoints_of",
    "points",
]
