"""How Faust logs in: the options of librdkafka that the settings hold, as credentials of aiokafka."""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from faust.auth import SASLCredentials, SSLCredentials

from infra.errors import SettingsInvalid

UNDERSTOOD: Final = frozenset(
    {
        "security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.location",
        "ssl.certificate.location", "ssl.key.location", "ssl.key.password", "ssl.endpoint.identification.algorithm",
        "enable.ssl.certificate.verification",
    }
)  # fmt: skip
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def credentials_of(options: Mapping[str, str]) -> Any:
    """Credentials for `faust.App(broker_credentials=…)`; None for a plain connection. Raises `SettingsInvalid`."""
    protocol = options.get("security.protocol", "PLAINTEXT").upper()
    for name in options:
        if name.startswith(("ssl.", "sasl.")) and name not in UNDERSTOOD:
            raise SettingsInvalid(
                f"insights cannot log in with the kafka option {name!r}: give it files of PEM "
                "(ssl.ca.location, ssl.certificate.location, ssl.key.location) and a password (sasl.username, "
                "sasl.password)."
            )
    context = context_of(options) if protocol in ("SSL", "SASL_SSL") else None
    match protocol:
        case "PLAINTEXT":
            return None
        case "SSL":
            return SSLCredentials(context)
        case "SASL_PLAINTEXT" | "SASL_SSL":
            return _with_password(options, context)
        case other:
            raise SettingsInvalid(f"kafka option security.protocol={other!r}: no such protocol; correct it.")


def context_of(options: Mapping[str, str]) -> ssl.SSLContext:
    """Whom to trust, and the client's own certificate where there is one. Raises `SettingsInvalid`."""
    try:
        context = ssl.create_default_context(cafile=options.get("ssl.ca.location"))
        if certificate := options.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, options.get("ssl.key.location"), options.get("ssl.key.password"))
    except (OSError, ssl.SSLError) as error:
        raise SettingsInvalid(f"kafka options ssl.…: a file cannot be used ({error}); correct the paths.") from error
    if options.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if options.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _with_password(options: Mapping[str, str], context: ssl.SSLContext | None) -> SASLCredentials:
    mechanism = options.get("sasl.mechanism") or options.get("sasl.mechanisms") or "PLAIN"
    if mechanism not in MECHANISMS:
        raise SettingsInvalid(f"insights cannot log in by {mechanism}; give it one of {', '.join(MECHANISMS)}.")
    return SASLCredentials(
        username=options.get("sasl.username"),
        password=options.get("sasl.password"),
        mechanism=mechanism,
        ssl_context=context,
    )
