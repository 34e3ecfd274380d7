"""Who is asking, and what they may see and do. The owner may everything; a link's visitor only what the link says."""

from dataclasses import dataclass

from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import NotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class LinkScope:
    """The part of the store a share link opens: one run or one project."""

    link_id: int
    role: LinkRole
    run_id: int | None
    project_id: int | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """`link` None is the owner. `rater_id` is None until somebody has given a name (the owner always has one)."""

    link: LinkScope | None = None
    rater_id: int | None = None
    rater_name: str = ""

    @property
    def is_owner(self) -> bool:
        return self.link is None

    @property
    def may_rate(self) -> bool:
        return self.link is None or self.link.role is LinkRole.RATE

    def sees(self, *, run_id: int, project_id: int) -> bool:
        return self.link is None or self.link.run_id == run_id or self.link.project_id == project_id

    def require_owner(self) -> None:
        if not self.is_owner:
            raise NotAllowed("This link does not allow that.", hint="Ask the person who shared it.")

    def require_rating(self) -> None:
        if not self.may_rate:
            raise NotAllowed("This link is for viewing only.", hint="Ask for a link that allows rating.")

    def require_run(self, *, run_id: int, project_id: int) -> None:
        if not self.sees(run_id=run_id, project_id=project_id):
            raise NotFound("There is no such run.", hint="Check the address, or ask for a new link.")


OWNER = Visitor()
