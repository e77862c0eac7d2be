"""Who is who on a secured local Kafka: a certificate authority and a password for each principal, kept beside the data.

Everything secret is a file of mode 0600 under `secrets/kafka`; nothing of it is ever an argument of a command.
"""

import datetime
import ipaddress
import secrets as entropy
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.local.state import replace_file

BROKER: Final = "broker"  # the broker towards itself
ADMIN: Final = "admin"  # the supervisor: makes topics, users and rights
SUPERUSERS: Final = (BROKER, ADMIN)
CA_DAYS: Final = 3650
SERVER_DAYS: Final = 397  # made anew at every start of the broker
SCRAM: Final = "SCRAM-SHA-512"
PASSWORD_BYTES: Final = 24


class Credentials:
    """The secrets in one folder, made on first use and never again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    @property
    def ca_file(self) -> Path:
        """The certificate by which clients know the broker; the only file here that is no secret."""
        return self._folder / "ca.pem"

    @property
    def keystore_file(self) -> Path:
        """Key and certificates of the broker, as Kafka wants them: all in one PEM file."""
        return self._folder / "server.pem"

    def mint(self, principals: Iterable[str]) -> dict[str, str]:
        """Make what is missing; the passwords of these principals and of the superusers."""
        self._folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.mkdir(exist_ok=True, mode=0o700)
        if not self.ca_file.exists():
            self._mint_authority()
        kept = self._passwords()
        wanted = (*SUPERUSERS, *principals)
        made = kept | {name: entropy.token_urlsafe(PASSWORD_BYTES) for name in wanted if name not in kept}
        if made != kept:
            replace_file(self._folder / "passwords.json", msgspec.json.encode(made))
        return {name: made[name] for name in wanted}

    def mint_server(self) -> None:
        """A fresh certificate of the broker for localhost and 127.0.0.1."""
        authority = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self._ca_key.read_bytes(), password=None)
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._ca_key} is no key of ours; `hitl down --purge` makes a new one.")
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            _certificate("localhost", key.public_key(), issuer=authority.subject, days=SERVER_DAYS)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        replace_file(self.keystore_file, _pem_key(key) + _pem(certificate) + _pem(authority))

    def password(self, principal: str) -> str:
        """Raises KeyError for a principal that has none."""
        return self._passwords()[principal]

    def client_options(self, principal: str) -> dict[str, str]:
        """Options of librdkafka with which a client is this principal."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN" if principal in SUPERUSERS else SCRAM,
            "sasl.username": principal,
            "sasl.password": self.password(principal),
            "ssl.ca.location": str(self.ca_file),
        }

    @property
    def _ca_key(self) -> Path:
        return self._folder / "ca.key"

    def _passwords(self) -> dict[str, str]:
        try:
            return msgspec.json.decode((self._folder / "passwords.json").read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}

    def _mint_authority(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = "hitl local certificate authority"
        certificate = (
            _certificate(name, key.public_key(), issuer=_name(name), days=CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_signs_certificates(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        replace_file(self._ca_key, _pem_key(key))
        replace_file(self.ca_file, _pem(certificate))  # last: it says that the key is there
        self.ca_file.chmod(0o644)


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, *, issuer: x509.Name, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
