"""The first password, which a program made and printed: its salt says so, and any other password has another salt."""

import secrets
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import get_hasher, make_password

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

MARK = "printed"  # begins the salt; nothing else needs to be stored, and no way to change a password can forget it


def print_password(person: "AbstractBaseUser") -> str:
    """Give a person a random password to be printed once; save the person afterwards."""
    password = secrets.token_urlsafe(12)
    person.password = make_password(password, salt=MARK + get_hasher().salt())
    return password


def still_printed(person: "AbstractBaseUser") -> bool:
    """Say whether the password is still the printed one."""
    return f"${MARK}" in person.password
