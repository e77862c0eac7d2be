"""Recorded loan applications as files that any command reads: a labelled seed, and the stream to be decided."""

from collections.abc import Sequence
from typing import Final

from infra.errors import HitlError
from producers.simulate.draws import unit_draw
from producers.simulate.files import NEW, Files, csv_text, following
from producers.simulate.german_credit import COLUMNS, SEED_APPLICATIONS, Application, split_applications

AUDIT_SHARE: Final = 0.02  # of the stream that asks for a person; nothing of the kind is recorded
SEED_HEADER: Final = ("id", *COLUMNS, "label")
STREAM_HEADER: Final = ("id", *COLUMNS, "requires_audit")


class TooFewApplications(HitlError):
    """There are fewer recorded applications than were asked for; ask for fewer."""


def loan_files(
    applications: Sequence[Application],
    *,
    stream_applications: int | None = None,
    seed: int,
    seed_applications: int = SEED_APPLICATIONS,
    audit_share: float = AUDIT_SHARE,
    new_applications: int = 0,
) -> Files:
    """`seed_applications` with the label that their outcome calls right, and others without it (all if None).

    Of the stream a share chosen by hash has `requires_audit`, as if an auditor had asked for a person. New ones as in
    `files.csv_files`.
    Raises `TooFewApplications`.
    """
    split = split_applications(applications, seed=seed, size=seed_applications)
    wanted = len(split.stream) if stream_applications is None else stream_applications
    if len(split.seed) < seed_applications or not 0 < wanted <= len(split.stream):
        raise TooFewApplications(
            f"there are {len(applications):,} applications, not {seed_applications:,} for the seed and "
            f"{max(wanted, 1):,} others; ask for fewer."
        )
    return Files(
        seed=csv_text(SEED_HEADER, [(*_cells(each), each.label) for each in split.seed]),
        stream=csv_text(
            STREAM_HEADER,
            [(*_cells(each), _flag(each, seed=seed, share=audit_share)) for each in split.stream[:wanted]],
        ),
        new=csv_text(
            STREAM_HEADER,
            [
                (f"{NEW}{each.application_id}", *_cells(each)[1:], "false")
                for each in following(split.stream, wanted, new_applications)
            ],
        ),
    )


def _cells(application: Application) -> tuple[str | int, ...]:
    return application.application_id, *(application.values[name] for name in COLUMNS)


def _flag(application: Application, *, seed: int, share: float) -> str:
    return "true" if unit_draw(seed, "requires_audit", application.application_id) < share else "false"
