"""What the gateway's OpenAPI document says of bodies and statuses."""

from typing import Any, Final

from infra.http.openapi import Described
from producers.gateway.bodies import Appealed, Asked, BatchAsked
from streams.casework.issuing import TokenAsked

MEANINGS: Final = {
    200: "It is known, or was decided in time.",
    201: "It is issued: whoever holds it is that person until it expires.",
    202: "It is in the log, acknowledged by the brokers.",
    400: "The body cannot be read.",
    401: "No token, or an unknown one.",
    403: "The token lacks the scope.",
    404: "Nothing is known of this request.",
    409: "It contradicts what is in the log.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "Without tokens the gateway answers to localhost only.",
    422: "Something in it must be corrected.",
    429: "Too many requests of this token; wait as Retry-After says.",
    503: "It may be repeated, as it is, after Retry-After.",
}
SCHEMES: Final[dict[str, dict[str, Any]]] = {"token": {"type": "http", "scheme": "bearer"}}
DOCUMENT: Final = Described(MEANINGS, [Asked, BatchAsked, Appealed, TokenAsked])
