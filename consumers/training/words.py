"""What `hitl model` prints: the same facts for machines and for people."""

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

from consumers.training.imports import BadLine, ImportedLabels
from consumers.training.refit import Candidate
from infra.cli.moments import moment
from infra.cli.tables import rendered, table
from infra.models.artefact import Manifest
from schemas.events import ModelPromoted, ModelRefused
from streams.workflow.models import ModelRecord


class ModelDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the log has it, and its manifest where the store has the model."""

    model: ModelRecord
    manifest: Manifest | None = None
    why_no_manifest: str = ""


class TrainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a training by hand led to."""

    workflow: str
    model_digest: str
    promoted: bool
    version: int | None
    reason: str
    imported: int
    repeated: int
    bad_lines: tuple[BadLine, ...]
    labels: int
    profile: str
    figures: dict[str, float]
    gate: dict[str, float]
    seconds: float

    @classmethod
    def of(
        cls, candidate: Candidate, verdict: ModelPromoted | ModelRefused, read: ImportedLabels, *, seconds: float
    ) -> Self:
        """The report on a fit that was decided."""
        promoted = isinstance(verdict, ModelPromoted)
        return cls(
            workflow=verdict.workflow,
            model_digest=candidate.digest,
            promoted=promoted,
            version=verdict.version if isinstance(verdict, ModelPromoted) else None,
            reason=verdict.reason,
            imported=len(read.requests),
            repeated=read.repeated,
            bad_lines=read.bad,
            labels=candidate.labels,
            profile=candidate.profile,
            figures=candidate.figures,
            gate=verdict.figures,
            seconds=seconds,
        )


def report_text(report: TrainReport) -> str:
    """The report in a few lines."""
    verdict = (
        f"Version {report.version} decides from here on: {report.reason}."
        if report.promoted
        else f"It does not run: {report.reason}. `--promote` lets it run all the same."
    )
    return (
        f"{report.workflow}: model {report.model_digest[:12]} was fitted on {report.labels:,} labels in "
        f"{report.seconds:.1f} s.\n{verdict}\n{_figures(report.figures)}"
    )


def models_text(records: Sequence[ModelRecord]) -> str:
    """Every fit as a table."""
    if not records:
        return "there are no models yet; `hitl model train WORKFLOW FILE.csv` makes one, until then people decide"
    rows = [
        (r.workflow, r.version, r.status.value, r.digest[:8] or None, r.labels, moment(r.at), r.reason) for r in records
    ]
    return rendered(table(("workflow", "version", "status", "model", "labels", "decided", "why"), rows))


def description_text(described: ModelDescription) -> str:
    """One model in a few lines."""
    one, manifest = described.model, described.manifest
    standing = one.status.value + (f", version {one.version}" if one.version else "")
    lines = [
        f"{one.workflow}: {one.digest}",
        f"{standing}, decided {moment(one.at)}: {one.reason}",
        f"fitted on {one.labels or 0:,} labels with {one.profile or 'unknown'} weights; {_figures(one.figures)}",
    ]
    if one.gate_figures:
        lines.append(f"compared with the model before it: {_figures(one.gate_figures)}")
    if manifest is None:
        lines.append(f"not in the store: {described.why_no_manifest}")
    else:
        lines.append(
            f"classes {', '.join(manifest.classes)} (approving: {manifest.approving_class}); featurizer "
            f"{manifest.featurizer.name}; calibrator {manifest.calibrator.version}; stored at {one.uri}"
        )
    return "\n".join(lines)


def _figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items()) or "no figures"
