"""Collect the texts for translators: what gettext marks, and what the core says by sdk.Text, Help and Matches."""

from typing import Any

from django.core.management.commands import makemessages

ELSEWHERE = ("node_modules", "var", ".venv", "tests", "bench")  # nobody reads these on a page
SAID = {"Text": 1, "Help": 1, "Matches": 2}  # calls, and which of their values is a text; a % in it is a plain sign


class Command(makemessages.Command):
    """Collect as Django does."""

    xgettext_options = [  # noqa: RUF012  # as Django has it
        *makemessages.Command.xgettext_options,
        *(f"--keyword={name}:{place}" for name, place in SAID.items()),
        *(f"--flag={name}:{place}:no-python-format" for name, place in SAID.items()),
    ]

    def handle(self, *args: Any, **options: Any) -> None:
        """Leave out what is not ours."""
        options["ignore_patterns"] = [*options["ignore_patterns"], *ELSEWHERE]
        super().handle(*args, **options)
