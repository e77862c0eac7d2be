"""Asks the view that runs on this machine. It answers for one log: whoever looks at another one is not answered."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import Final

import msgspec

from infra.direct import DIRECT
from infra.errors import HitlError
from infra.settings import INSIGHTS_FILE, Settings
from streams.insights.answers import Answer

TIMEOUT: Final = 3.0  # seconds


class InsightsAway(HitlError):
    """The view of the figures does not answer: start it (`hitl up`), or read the log (`hitl kpis --from-log`)."""


def asked(settings: Settings, **question: str | int) -> Answer:
    """What the view answers. Raises `InsightsAway` with the reason; a query as of `GET /v1/kpis`."""
    file = settings.data_dir / INSIGHTS_FILE
    if not file.is_file():
        raise InsightsAway
    url = f"http://{file.read_text(encoding='utf-8').strip()}/v1/kpis?{urllib.parse.urlencode(question)}"
    try:
        with DIRECT.open(url, timeout=TIMEOUT) as response:
            answer = msgspec.json.decode(response.read(), type=Answer)
    except urllib.error.HTTPError as error:
        raise InsightsAway(f"The view of the figures does not answer: {_detail(error)}") from error
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise InsightsAway from error
    if (answer.as_of.bootstrap_servers, answer.as_of.topic_prefix) != (
        settings.bootstrap_servers,
        settings.topic_prefix,
    ):
        raise InsightsAway(
            f"The view of the figures on this machine is of the log at {answer.as_of.bootstrap_servers} "
            f"({answer.as_of.topic_prefix}*), not of the one that the settings name: `hitl kpis --from-log` reads that."
        )
    return answer


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(msgspec.json.decode(error.read())["detail"])
    except (msgspec.MsgspecError, KeyError, TypeError, OSError):
        return f"HTTP {error.code}"
