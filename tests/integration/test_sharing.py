"""Share links through the services, on both databases: shown once, stored as a hash, scoped, expiring, revocable."""

import hashlib
import time

import pytest
from sqlmodel import select

from beyondloss.domain.access import LinkScope
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import sharing
from beyondloss.store.engine import Store
from beyondloss.store.tables import ShareLink
from tests.factories import a_project, a_rater, a_run, a_share_link


def make(store: Store, **fields: object) -> sharing.ShareLinkView:
    defaults: dict[str, object] = {
        "run_id": None,
        "project_id": None,
        "role": LinkRole.RATE,
        "expires_in_seconds": None,
    }
    if "run_id" not in fields and "project_id" not in fields:
        fields["run_id"] = a_run(store, name="support-v3").id
    return sharing.make_link(store, **(defaults | fields))


def test_a_link_opens_its_run_with_its_role(any_store: Store):
    made = make(any_store, role=LinkRole.VIEW, note=" for\nAnn ")

    scope = sharing.open_link(any_store, made.token or "")

    assert (scope.link_id, scope.run_id, scope.project_id, scope.role) == (made.id, made.run_id, None, LinkRole.VIEW)
    assert (made.scope, made.scope_name, made.note, made.state) == ("run support-v3", "support-v3", "for Ann", "live")


def test_a_link_opens_a_project(any_store: Store):
    made = make(any_store, project_id=a_project(any_store, name="support").id)

    assert sharing.open_link(any_store, made.token or "").project_id == made.project_id
    assert made.scope == "project support"


def test_the_store_holds_only_the_hash_and_the_list_never_shows_the_token(any_store: Store):
    made = make(any_store)

    with any_store.read() as session:
        row = session.exec(select(ShareLink)).one()
    assert row.token_hash == hashlib.sha256((made.token or "").encode()).hexdigest()
    assert made.token not in str(row.model_dump())
    assert [link.token for link in sharing.list_links(any_store)] == [None]
    assert len(made.token or "") >= 43, "256 bits"


def test_a_wrong_an_expired_and_a_revoked_link_say_the_same(any_store: Store):
    run = a_run(any_store)
    a_share_link(any_store, run=run, token="expired", expires_at=time.time() - 1.0)
    a_share_link(any_store, run=run, token="revoked", revoked_at=time.time())

    said = []
    for token in ("wrong", "", "\ud800", "x" * 100_000, "expired", "revoked"):
        with pytest.raises(NotFound) as caught:
            sharing.open_link(any_store, token)
        said.append((caught.value.message, caught.value.hint, caught.value.code))

    assert len(set(said)) == 1
    assert [link.state for link in sharing.list_links(any_store)] == ["revoked", "expired"]


def test_a_link_works_until_it_expires(any_store: Store):
    made = make(any_store, expires_in_seconds=0.2)
    assert sharing.open_link(any_store, made.token or "").link_id == made.id

    time.sleep(0.2)

    with pytest.raises(NotFound):
        sharing.link_in_force(any_store, made.id)


def test_who_opened_a_link_earlier_is_out_once_it_is_revoked(any_store: Store):
    made = make(any_store)
    assert sharing.link_in_force(any_store, made.id).link_id == made.id

    assert sharing.revoke_link(any_store, made.id).state == "revoked"

    with pytest.raises(NotFound):
        sharing.link_in_force(any_store, made.id)
    with pytest.raises(NotFound):
        sharing.link_in_force(any_store, 999_999)


def test_revoking_twice_is_the_same_as_once(any_store: Store):
    made = make(any_store)

    first, second = (sharing.revoke_link(any_store, made.id) for _ in range(2))

    assert first == second
    with pytest.raises(NotFound):
        sharing.revoke_link(any_store, 999_999)


def test_use_is_noted_at_most_once_a_minute(any_store: Store):
    now = time.time()
    run = a_run(any_store)
    recent = a_share_link(any_store, run=run, token="recent", last_used_at=now - 30.0)
    stale = a_share_link(any_store, run=run, token="stale", last_used_at=now - 61.0)
    fresh = a_share_link(any_store, run=run, token="fresh")

    for link in (recent, stale, fresh):
        sharing.link_in_force(any_store, link.id)

    noted = {link.id: link.last_used_at for link in sharing.list_links(any_store)}
    assert noted[recent.id] == now - 30.0
    assert noted[stale.id] >= now
    assert noted[fresh.id] >= now


def test_a_link_that_does_not_work_notes_no_use(any_store: Store):
    made = make(any_store)
    sharing.revoke_link(any_store, made.id)
    with pytest.raises(NotFound):
        sharing.open_link(any_store, made.token or "")

    assert sharing.list_links(any_store)[0].last_used_at is None


def test_links_are_listed_newest_first_with_who_came_through_them(any_store: Store):
    first = make(any_store)
    second = make(any_store, run_id=first.run_id)
    with any_store.read() as session:
        link = session.get_one(ShareLink, first.id)
        session.expunge_all()
    for name in ("Bo", "Ann"):
        a_rater(any_store, name=name, link=link)

    assert [(one.id, one.raters) for one in sharing.list_links(any_store)] == [
        (second.id, ()),
        (first.id, ("Bo", "Ann")),
    ]


def test_what_cannot_be_shared_is_refused(any_store: Store):
    run, project = a_run(any_store), a_project(any_store)

    for wrong in (
        {"run_id": None},
        {"run_id": run.id, "project_id": project.id},
        {"run_id": run.id, "expires_in_seconds": 0.0},
        {"run_id": run.id, "expires_in_seconds": float("nan")},
        {"run_id": run.id, "expires_in_seconds": 1e12},
        {"run_id": run.id, "note": "x" * 501},
    ):
        with pytest.raises(InvalidInput):
            make(any_store, **wrong)
    with pytest.raises(NotFound):
        make(any_store, run_id=999_999)
    with pytest.raises(NotFound):
        make(any_store, project_id=999_999)
    assert sharing.list_links(any_store) == []


def test_everything_that_can_be_shared_is_listed_by_project(any_store: Store):
    first, second = a_project(any_store, name="b"), a_project(any_store, name="A")
    _older, newer = (a_run(any_store, first, name=name) for name in ("older", "newer"))
    a_run(any_store, first, archived=True)

    found = sharing.list_shareable(any_store)

    assert [(one.id, one.name, [run.name for run in one.runs]) for one in found] == [
        (second.id, "A", []),
        (first.id, "b", ["newer", "older"]),
    ]
    assert sharing.scope_name(any_store, LinkScope(1, LinkRole.VIEW, run_id=newer.id, project_id=None)) == "newer"
    assert sharing.scope_name(any_store, LinkScope(1, LinkRole.VIEW, run_id=None, project_id=first.id)) == "b"
