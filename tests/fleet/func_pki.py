"""Certificates as certmaster makes them: one CA, a common name and no other, neither key ids nor alternative names."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

SHA256_RSA, SHA1_RSA = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
FIELDS = (
    (NameOID.COUNTRY_NAME, "UN"),
    (NameOID.STATE_OR_PROVINCE_NAME, "FC"),
    (NameOID.LOCALITY_NAME, "Certmaster-town"),
    (NameOID.ORGANIZATION_NAME, "certmaster"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "slave-key"),
)
CA_NAME = "None-CA-KEY"


class Pki:
    """A certmaster's folder: the CA in ca/, each host's NAME.pem and NAME.cert with ca.cert beside them, certs/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certs = folder / "certs"
        for path in (folder / "ca", self.certs):
            path.mkdir(parents=True, exist_ok=True)
        self._key = _new_key()
        self._host_key = _new_key()  # one for all hosts, because making one takes its time
        self._ca = _signed(subject(CA_NAME), self._key, subject(CA_NAME), self._key, authority=True)
        _write_key(folder / "ca" / "certmaster.key", self._key)
        (folder / "ca" / "certmaster.crt").write_bytes(self._ca)
        self.ca.write_bytes(self._ca)

    @property
    def ca(self) -> Path:
        """Give the CA's certificate."""
        return self.folder / "ca.cert"

    def issue(self, name: str, *, file: str = "", sha1: bool = False) -> tuple[Path, Path]:
        """Sign a certificate for a name; give it and its key. file: another name for the files."""
        key, stem = self._host_key, self.folder / (file or name)
        cert = _signed(subject(name), key, subject(CA_NAME), self._key, sha1=sha1)
        paths = stem.with_name(f"{stem.name}.cert"), stem.with_name(f"{stem.name}.pem")
        paths[0].write_bytes(cert)
        _write_key(paths[1], key)
        (self.certs / paths[0].name).write_bytes(cert)
        return paths

    def overlord(self) -> tuple[Path, Path]:
        """Give what a stock overlord shows: the CA's own certificate and key."""
        return self.folder / "ca" / "certmaster.crt", self.folder / "ca" / "certmaster.key"


def subject(name: str) -> x509.Name:
    """Give a name as certmaster writes it."""
    parts = [x509.NameAttribute(oid, value) for oid, value in FIELDS]
    parts.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    parts.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, f"root@{name}"))
    return x509.Name(parts)


def _signed(
    owner: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    *,
    authority: bool = False,
    sha1: bool = False,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
    cert = builder.sign(issuer_key, hashes.SHA256())
    if sha1:
        cert = _with_sha1(cert, issuer_key)
    return cert.public_bytes(serialization.Encoding.PEM)


def _with_sha1(cert: x509.Certificate, issuer_key: rsa.RSAPrivateKey) -> x509.Certificate:
    """Sign it anew with SHA-1, which no library of today does: the identifiers have the same length."""
    inner = cert.tbs_certificate_bytes
    weak = inner.replace(SHA256_RSA, SHA1_RSA)
    signature = issuer_key.sign(weak, padding.PKCS1v15(), hashes.SHA1())
    whole = cert.public_bytes(serialization.Encoding.DER)
    whole = whole.replace(inner, weak).replace(SHA256_RSA, SHA1_RSA).replace(cert.signature, signature)
    return x509.load_der_x509_certificate(whole)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _write_key(path: Path, key: rsa.RSAPrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(text)
