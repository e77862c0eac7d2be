"""What the desk answers, as metrics."""

from typing import Final

from infra.http.measuring import HttpMetrics
from infra.observe import metrics as m

TURNED_AWAY: Final = ("too_much_under_way", "not_acknowledged", "not_judged", "log_unavailable", "read_model", "busy")
MEASURED: Final = HttpMetrics(
    m.DESK_REQUESTS, m.DESK_SECONDS, m.DESK_IN_FLIGHT, m.DESK_REFUSED, TURNED_AWAY, tells_callers=True
)
