"""A certificate for one machine: an authority made for this certificate alone, whose key is thrown away."""

import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
_OFF = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)


def ensure(tls: Path, authority: Path) -> None:
    """Have key and certificate of this machine in `tls` (mode 0600) and who vouches for it in `authority`.

    What is there is kept until a month before its end.
    """
    now = datetime.now(UTC)
    if tls.exists() and authority.exists():
        held = x509.load_pem_x509_certificate(tls.read_bytes())
        if held.not_valid_after_utc - RENEW_BEFORE > now:
            return
    key, signer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _name("Platekeeper on this machine")
    vouching = _certificate(issuer, signer, issuer, signer, now, authority=True)
    certificate = _certificate(_name("Platekeeper"), key, issuer, signer, now, authority=False)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    tls.parent.mkdir(parents=True, exist_ok=True)
    _put(tls, certificate.public_bytes(pem) + secret, 0o600)
    _put(authority, vouching.public_bytes(pem), 0o644)


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    authority: bool,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
        **_OFF,
    )
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not authority:
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dict.fromkeys(("localhost", _hostname()))]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return built.sign(signer, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _hostname() -> str:
    name = socket.gethostname()
    return name if name.isascii() and len(name) < 64 else "localhost"


def _put(path: Path, content: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    path.chmod(mode)
