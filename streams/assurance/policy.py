"""What a workflow demands of the people who answer its cases."""

from typing import Annotated

import msgspec
from msgspec import Meta

Risk = Annotated[float, Meta(gt=0, lt=1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class ReliabilityPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a careful person may get wrong of the gold questions, how probable it may be that one is ever suspected all
    the same, and the accuracy that it takes to adjudicate: not refuted by the gold answers, or `proven` by them."""

    tolerated_error: Risk = 0.05
    false_suspicion: Risk = 0.01
    adjudicator_accuracy: Share = 0.90
    proven: bool = False
