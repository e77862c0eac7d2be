"""What the gateway has under way, as metrics."""

from infra.observe import metrics as m
from infra.observe.instruments import Instruments
from producers.gateway.accepting import Accepting


def show_waiting(show: Instruments, accepting: Accepting) -> None:
    """What the brokers have taken, what waits for them, and who for an outcome, the last two when it is scraped."""
    show.add(m.ACKNOWLEDGED, count=0)
    accepting.heard = lambda records: show.add(m.ACKNOWLEDGED, count=records)
    show.show(m.UNACKNOWLEDGED, lambda: accepting.unacknowledged)
    show.show(m.WAITERS, lambda: len(accepting.waiters))
