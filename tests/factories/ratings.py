"""Raters, ratings and share links."""

import hashlib

from beyondloss.store.engine import Store
from beyondloss.store.tables import (
    Answer,
    Behaviour,
    Checkpoint,
    Project,
    QualityCheck,
    Rater,
    Rating,
    Run,
    ShareLink,
)
from tests.factories.rows import NOW, numbered, stored


def a_rater(store: Store, *, name: str | None = None, is_owner: bool = False, link: ShareLink | None = None) -> Rater:
    return stored(
        store,
        Rater(
            name=name or numbered("rater"), is_owner=is_owner, share_link_id=link.id if link else None, created_at=NOW
        ),
    )


def a_rating(
    store: Store,
    rater: Rater,
    answer: Answer,
    reference: Answer,
    *,
    verdict: int | None = 1,
    behaviour: Behaviour | None = None,
    **fields: object,
) -> Rating:
    """A rating in force."""
    with store.read() as session:
        checkpoint = session.get_one(Checkpoint, answer.checkpoint_id)
        run_id = checkpoint.run_id
    return stored(
        store,
        Rating(
            run_id=run_id,
            rater_id=rater.id,
            answer_id=answer.id,
            reference_id=reference.id,
            verdict=verdict,
            behaviour_id=behaviour.id if behaviour else None,
            **({"rated_at": NOW} | fields),
        ),
    )


def a_quality_check(
    store: Store,
    rater: Rater,
    answer: Answer,
    reference: Answer,
    *,
    verdict: int = 0,
    kind: str = "base",
    **fields: object,
) -> QualityCheck:
    with store.read() as session:
        run_id = session.get_one(Checkpoint, answer.checkpoint_id).run_id
    return stored(
        store,
        QualityCheck(
            run_id=run_id,
            rater_id=rater.id,
            kind=kind,
            answer_id=answer.id,
            reference_id=reference.id,
            verdict=verdict,
            **({"side": "left", "rated_at": NOW} | fields),
        ),
    )


def a_share_link(
    store: Store,
    *,
    run: Run | None = None,
    project: Project | None = None,
    role: str = "rate",
    token: str = "token",
    **fields: object,
) -> ShareLink:
    """A live link to one run or one project, opened by `token`."""
    return stored(
        store,
        ShareLink(
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            run_id=run.id if run else None,
            project_id=project.id if project else None,
            role=role,
            **({"created_at": NOW} | fields),
        ),
    )
