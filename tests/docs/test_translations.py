"""The Chinese of the pages is complete."""

import gettext
import re
import subprocess
from pathlib import Path

import pytest

LOCALE = Path(__file__).parents[2] / "locale"
CHINESE = LOCALE / "zh_Hans/LC_MESSAGES/django.po"


def test_there_is_a_chinese_translation() -> None:
    assert CHINESE.exists(), "make it: manage.py makemessages -l zh_Hans --no-obsolete, then translate"


@pytest.mark.parametrize("kind", ["--untranslated", "--only-fuzzy"])
def test_every_text_has_a_translation_that_a_person_has_seen(kind: str) -> None:
    left = subprocess.run(
        ["msgattrib", kind, "--no-obsolete", "--no-wrap", CHINESE], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r'^msgid "(.+)"$', left, re.MULTILINE) == []


def test_the_translations_compile_and_keep_their_placeholders() -> None:
    done = subprocess.run(
        ["msgfmt", "--check", "-o", "/dev/null", CHINESE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_translated_template_has_the_fields_of_its_text(tmp_path: Path) -> None:
    subprocess.run(["msgfmt", "-o", tmp_path / "zh.mo", CHINESE], check=True)
    with (tmp_path / "zh.mo").open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # by msgid
    pairs = {text: said for text, said in catalog.items() if isinstance(text, str) and "{" in text}
    assert len(pairs) > 50
    assert [text for text, said in pairs.items() if _fields(text) != _fields(said)] == []


def _fields(text: str) -> set[str]:
    return set(re.findall(r"(?<!{){(\w+)", text))


def test_every_text_of_the_pages_is_in_the_file(tmp_path: Path) -> None:
    known = _texts(CHINESE)
    assert sorted(_texts_in_sources(tmp_path) - known)[:20] == []


def _texts(path: Path) -> set[str]:
    plain = subprocess.run(["msgcat", "--no-wrap", path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r'^msgid "(.+)"$', plain, re.MULTILINE))


def _texts_in_sources(folder: Path) -> set[str]:
    """Collect as makemessages does, in a folder of its own."""
    from django.core.management import call_command

    root = LOCALE.parent
    for name in ("omserver", "webui", "templates", "sdk", "analytics"):
        (folder / name).symlink_to(root / name)
    (folder / "locale").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call_command("makemessages", locale=["zh_Hans"], symlinks=True, no_obsolete=True, verbosity=0)
    return _texts(folder / "locale/zh_Hans/LC_MESSAGES/django.po")
