"""Who may do what: three roles, and one question for each act.

viewer sees everything but the audit log and people; operator runs modules that read or change; admin does all.
A role is membership in the Django group of that name; a superuser is an admin.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    Person = AbstractBaseUser | AnonymousUser | Any


class Role(StrEnum):
    """What a person is here."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


ROLE_WORDS = {
    Role.VIEWER: gettext_lazy("Viewer"),
    Role.OPERATOR: gettext_lazy("Operator"),
    Role.ADMIN: gettext_lazy("Admin"),
}
RISKS_OF = {
    Role.VIEWER: frozenset[str](),
    Role.OPERATOR: frozenset({"read", "change"}),
    Role.ADMIN: frozenset({"read", "change", "destroy"}),
}


class NotAllowed(PermissionDenied):
    """The person may not do this. The text says which role may; show it with status 403."""


def role_of(person: "Person") -> Role:
    """Give a person's highest role; viewer without any. One query, remembered on the person."""
    if person.is_superuser:
        return Role.ADMIN
    known: Role | None = getattr(person, "_role", None)
    if known is None:
        names = set(person.groups.values_list("name", flat=True)) if person.is_authenticated else set()
        known = next((role for role in (Role.ADMIN, Role.OPERATOR) if role in names), Role.VIEWER)
        person._role = known  # our own attribute, kept for the length of the request
    return known


def give_role(person: "Person", role: Role) -> None:
    """Make `role` the person's only role."""
    group, _created = Group.objects.get_or_create(name=role.value)
    person.groups.set([group])
    person._role = role  # see role_of


def may_run(person: "Person", risk: str) -> bool:
    """Say whether the person may run modules of this risk."""
    return person.is_active and risk in RISKS_OF[role_of(person)]


def may_change_fleet(person: "Person") -> bool:
    """Say whether the person may change servers, groups, IDCs and masters."""
    return person.is_active and role_of(person) is Role.ADMIN


def may_add_modules(person: "Person") -> bool:
    """Say whether the person may add, publish and roll back modules: code that runs on the masters and servers."""
    return person.is_active and role_of(person) is Role.ADMIN


def may_change_datasets(person: "Person") -> bool:
    """Say whether the person may import, sync and remove datasets: tables of other servers are read in their name."""
    return person.is_active and role_of(person) is Role.ADMIN


def may_write_dashboards(person: "Person") -> bool:
    """Say whether the person may save dashboards, segments and notes, and set alerts; a viewer reads them."""
    return person.is_active and role_of(person) is not Role.VIEWER


def may_see_audit(person: "Person") -> bool:
    """Say whether the person may read the audit log."""
    return person.is_active and role_of(person) is Role.ADMIN


def may_change_people(person: "Person") -> bool:
    """Say whether the person may add people and change their roles."""
    return person.is_active and role_of(person) is Role.ADMIN


def require_run(person: "Person", risk: str) -> None:
    """Raise NotAllowed with a sentence unless may_run."""
    if not may_run(person, risk):
        needed = Role.ADMIN if risk == "destroy" else Role.OPERATOR
        raise NotAllowed(
            _("Running a module of this risk (%(risk)s) needs the role %(role)s.")
            % {"risk": risk, "role": ROLE_WORDS[needed]}
        )


def require_fleet(person: "Person") -> None:
    """Raise NotAllowed with a sentence unless may_change_fleet."""
    if not may_change_fleet(person):
        raise NotAllowed(_("Changing servers, groups, IDCs and masters needs the role %s.") % ROLE_WORDS[Role.ADMIN])


def require_modules(person: "Person") -> None:
    """Raise NotAllowed with a sentence unless may_add_modules."""
    if not may_add_modules(person):
        raise NotAllowed(_("Adding and publishing modules needs the role %s.") % ROLE_WORDS[Role.ADMIN])


def require_datasets(person: "Person") -> None:
    """Raise NotAllowed with a sentence unless may_change_datasets."""
    if not may_change_datasets(person):
        raise NotAllowed(_("Importing and removing datasets needs the role %s.") % ROLE_WORDS[Role.ADMIN])


def require_dashboards(person: "Person") -> None:
    """Raise NotAllowed with a sentence unless may_write_dashboards."""
    if not may_write_dashboards(person):
        raise NotAllowed(
            _("Saving dashboards, segments, notes and alerts needs the role %s.") % ROLE_WORDS[Role.OPERATOR]
        )


def require_admin(allowed: bool) -> None:  # reads as a sentence: require_admin(may_see_audit(person))
    """Raise NotAllowed with a sentence unless allowed."""
    if not allowed:
        raise NotAllowed(_("This page needs the role %s.") % ROLE_WORDS[Role.ADMIN])
