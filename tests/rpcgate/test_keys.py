"""Keys: closed to others, never overwritten, rotated without a gap; bundles carry them across whole or not at all."""

import base64
import json
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcgate.keys import (
    KeysError,
    MasterKeys,
    MasterPublic,
    WebKeys,
    key_id,
    read_bundle,
    read_master_bundle,
    read_web_bundle,
)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> MasterKeys:
    return MasterKeys.create(tmp_path_factory.mktemp("m") / "keys", "sh-1")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> WebKeys:
    return WebKeys.create(tmp_path_factory.mktemp("w") / "keys")


def test_keys_are_closed_to_others(master: MasterKeys, web: WebKeys) -> None:
    for folder in (master.folder, web.folder):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_keys_are_read_back_as_they_were_made(master: MasterKeys, web: WebKeys) -> None:
    assert MasterKeys.load(master.folder).public == master.public
    assert WebKeys.load(web.folder).public == web.public


def test_keys_are_never_overwritten(master: MasterKeys, web: WebKeys) -> None:
    before = {path: path.read_bytes() for path in [*master.folder.iterdir(), *web.folder.iterdir()]}
    with pytest.raises(KeysError, match="never overwritten"):
        MasterKeys.create(master.folder, "sh-1")
    with pytest.raises(KeysError, match="never overwritten"):
        WebKeys.create(web.folder)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("which", ["keys.json", "tls.pem", "seal-*.pem", "sign-*.pem", "."])
def test_a_key_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, which: str) -> None:
    MasterKeys.create(tmp_path / "k", "sh-1")
    [path] = (tmp_path / "k").glob(which) if which != "." else [tmp_path / "k"]
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(KeysError, match=rf"{path.name}.*run chmod [67]00"):
        MasterKeys.load(tmp_path / "k")


@pytest.mark.parametrize("which", ["keys.json", "tls.pem", "seal-*.pem", "sign-*.pem"])
def test_a_damaged_or_missing_file_is_named(tmp_path: Path, which: str) -> None:
    MasterKeys.create(tmp_path / "k", "sh-1")
    [path] = (tmp_path / "k").glob(which)
    path.write_bytes(b"{]")
    with pytest.raises(KeysError, match=path.name):
        MasterKeys.load(tmp_path / "k")
    path.unlink()
    with pytest.raises(KeysError, match="no keys here" if which == "keys.json" else path.name):
        MasterKeys.load(tmp_path / "k")


def test_the_keys_of_one_end_are_not_taken_for_the_other(master: MasterKeys, web: WebKeys) -> None:
    with pytest.raises(KeysError, match="not the keys of a web"):
        WebKeys.load(master.folder)
    with pytest.raises(KeysError, match="not the keys of a master"):
        MasterKeys.load(web.folder)


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 64, "a\n", "ü"])
def test_a_name_that_could_confuse_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeysError, match="cannot name a master"):
        MasterKeys.create(tmp_path / "k", name)
    assert not (tmp_path / "k").exists()


def test_a_master_rotates_its_sealing_key_and_keeps_the_old_until_retired(tmp_path: Path) -> None:
    first = MasterKeys.create(tmp_path / "k", "sh-1")
    second = first.rotate()
    assert second.current != first.current
    assert set(second.seal) == {first.current, second.current}
    assert (second.public.sign, second.public.tls) == (first.public.sign, first.public.tls)
    last = second.retire()
    assert set(last.seal) == {second.current}
    assert last.retired == {first.current}
    assert not (tmp_path / "k" / f"seal-{first.current}.pem").exists()


def test_the_web_tiers_next_key_is_announced_beforehand(tmp_path: Path) -> None:
    first = WebKeys.create(tmp_path / "k")
    second = first.rotate()
    assert second.current == first.upcoming
    assert second.current in {key_id(key) for key in first.public.sign}
    assert first.current not in {key_id(key) for key in second.public.sign}
    assert not (tmp_path / "k" / f"sign-{first.current}.pem").exists()


def test_a_bundle_is_read_as_it_was_written(master: MasterKeys, web: WebKeys) -> None:
    assert read_bundle(master.public.bundle()) == master.public
    assert read_bundle(web.public.bundle()) == web.public


def test_a_bundle_survives_mail(master: MasterKeys) -> None:
    mail = "Hello,\r\n\r\n> " + master.public.bundle().replace("\n", "\r\n").replace("\r\n-----END", "  \r\n-----END")
    assert read_bundle(mail + "\r\nRegards") == master.public


def test_a_bundle_holds_no_private_part(master: MasterKeys, web: WebKeys) -> None:
    for keys in (master, web):
        raw = base64.b64decode("".join(keys.public.bundle().splitlines()[1:-1]))
        privates = [*keys.sign.values()] if isinstance(keys, WebKeys) else [keys.sign, *keys.seal.values()]
        for private in privates:
            assert base64.b64encode(private.private_bytes_raw()) not in raw
        assert b"PRIVATE" not in raw


def test_the_fingerprint_covers_every_part(master: MasterKeys, tmp_path: Path) -> None:
    other = MasterKeys.create(tmp_path / "o", "sh-2").public
    mine = master.public
    mixes = [
        MasterPublic(other.name, mine.seal, mine.sign, mine.tls),
        MasterPublic(mine.name, other.seal, mine.sign, mine.tls),
        MasterPublic(mine.name, mine.seal, other.sign, mine.tls),
        MasterPublic(mine.name, mine.seal, mine.sign, other.tls),
    ]
    assert len({mine.fingerprint, *(mix.fingerprint for mix in mixes)}) == 5
    assert len(mine.fingerprint.split()) == 16


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(min_value=0), letter=st.sampled_from("AZaz09+/=-\n "))
def test_a_damaged_bundle_is_refused_or_shows_another_fingerprint(master: MasterKeys, where: int, letter: str) -> None:
    text = master.public.bundle()
    at = where % len(text)
    damaged = text[:at] + letter + text[at + 1 :]
    try:
        public = read_bundle(damaged)
    except KeysError:
        return
    assert public == master.public or public.fingerprint != master.public.fingerprint


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"version": 2}, "another version"),
        ({"name": "a b"}, "name"),
        ({"name": None}, "name"),
        ({"seal": "AAAA"}, "seal has 3 bytes"),
        ({"sign": 7}, "sign is missing or damaged"),
        ({"tls": "AAAA"}, "tls is no certificate"),
    ],
)
def test_each_bad_part_of_a_bundle_is_named(master: MasterKeys, parts: dict[str, object], word: str) -> None:
    raw = json.dumps(master.public.parts() | parts).encode()
    text = f"-----BEGIN OMSERVER MASTER-----\n{base64.b64encode(raw).decode()}\n-----END OMSERVER MASTER-----"
    with pytest.raises(KeysError, match=word):
        read_bundle(text)


def test_what_is_no_bundle_is_refused_in_a_sentence(master: MasterKeys, web: WebKeys) -> None:
    with pytest.raises(KeysError, match="no bundle in this text"):
        read_bundle("hello")
    with pytest.raises(KeysError, match="Paste the bundle alone"):
        read_bundle("x" * 20_000)
    with pytest.raises(KeysError, match="web tier's own"):
        read_master_bundle(web.public.bundle())
    with pytest.raises(KeysError, match="bundle of the master sh-1"):
        read_web_bundle(master.public.bundle())


def test_a_certificate_can_sign_no_other(master: MasterKeys) -> None:
    found = x509.load_der_x509_certificate(master.public.tls)
    assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_private_keys_do_not_show_in_a_repr(master: MasterKeys) -> None:
    assert master.sign.private_bytes_raw().hex() not in repr(master)
    assert "BEGIN" not in repr(master)
