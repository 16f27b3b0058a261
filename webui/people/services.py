"""Add people, change roles, give passwords, deactivate: one transaction and one audit entry each."""

from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.translation import gettext as _

from webui import access
from webui.access import Role
from webui.servers.services import By, Refused

if TYPE_CHECKING:
    from django.db.models import QuerySet


def add_person(by: By, name: str, role: Role, password: str) -> User:
    """Add an account; ValidationError for a bad or taken name or a weak password."""
    access.require_admin(access.may_change_people(by.person))
    person = User(username=name)
    validate_password(password, person)
    person.set_password(password)
    person.full_clean()
    with transaction.atomic():
        person.save()
        access.give_role(person, role)
        by.log("person.add", name, role=role.value)
    return person


def change_role(by: By, person: User, role: Role) -> None:
    """Give a person another role; Refused when no admin would be left."""
    access.require_admin(access.may_change_people(by.person))
    with transaction.atomic():
        if role is not Role.ADMIN:
            _keep_an_admin(person)
        person.is_superuser = False
        person.save(update_fields=["is_superuser"])
        access.give_role(person, role)
        by.log("person.role", person.get_username(), role=role.value)


def set_active(by: By, person: User, *, active: bool) -> None:
    """Let a person in, or keep one out at once; Refused for oneself and for the last admin."""
    access.require_admin(access.may_change_people(by.person))
    if not active and person.pk == by.person.pk:
        raise Refused(_("You cannot deactivate yourself; ask another admin."))
    with transaction.atomic():
        if not active:
            _keep_an_admin(person)
        User.objects.filter(pk=person.pk).update(is_active=active)
        by.log("person.activate" if active else "person.deactivate", person.get_username())


def give_password(by: By, person: User, password: str) -> None:
    """Set a new password for a person, whose sessions end; ValidationError when it is weak."""
    access.require_admin(access.may_change_people(by.person))
    validate_password(password, person)
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        by.log("person.password", person.get_username())


def admins() -> "QuerySet[User]":
    """Give those who can sign in and are admins."""
    active = User.objects.filter(is_active=True)
    return (active.filter(is_superuser=True) | active.filter(groups__name=Role.ADMIN.value)).distinct()


def _keep_an_admin(person: User) -> None:
    """Hold the admins until the change is written, so that of two who demote each other the second is refused."""
    known = [admin.pk for admin in admins()]
    list(User.objects.select_for_update().filter(pk__in=known).order_by("pk"))  # what was known may be over by now
    if not admins().exclude(pk=person.pk).exists():
        raise Refused(_("%s is the only admin; make another person an admin first.") % person.get_username())
