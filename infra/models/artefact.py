"""A trained model as a value: a manifest and raw tensors, addressed by the manifest's digest, never a pickle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
from msgspec import field

from infra.models.bags import Parameter
from infra.models.calibrator import Calibrator
from infra.models.tensors import Tensors, encode_tensors

FORMAT = 1


class FeaturizerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which featurizer the weights belong to, enough to build it again."""

    name: str
    parameters: dict[str, Parameter] = field(default_factory=dict)


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What the model came of; holds no clock, so that the same data give the same digest."""

    dataset_digest: str
    feedback_end_offset: int | None = None
    label_counts: dict[str, int] = field(default_factory=dict)
    profile: str = "uniform"
    seed: int = 0
    libraries: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a model but its numbers.

    Tensor `weights` is `[D, 1]`, the logit of the second of two classes, or `[D, C]`, one logit per class.
    """

    format: int = FORMAT
    workflow: str
    classes: tuple[str, ...]
    approving_class: str
    featurizer: FeaturizerSpec
    calibrator: Calibrator = Calibrator()
    provenance: Provenance
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"a model needs two or more different classes, got {self.classes}")
        if self.approving_class not in self.classes:
            raise ValueError(f"the approving class {self.approving_class!r} is not among {self.classes}")


@dataclass(frozen=True, slots=True)
class Model:
    """A manifest whose `weights_sha256` fits its tensors; make one with `seal`."""

    manifest: Manifest
    tensors: Tensors

    @property
    def digest(self) -> str:
        """sha256 of the canonical manifest, which names the sha256 of the tensors."""
        return hashlib.sha256(encode_manifest(self.manifest)).hexdigest()


def seal(manifest: Manifest, tensors: Tensors) -> Model:
    """The model of these parts, with the digest of the tensors filled in."""
    return Model(
        msgspec.structs.replace(manifest, weights_sha256=hashlib.sha256(encode_tensors(tensors)).hexdigest()), tensors
    )


def with_calibrator(model: Model, calibrator: Calibrator, figures: Mapping[str, float]) -> Model:
    """The same weights under another calibrator; `figures` are added to the provenance."""
    known = model.manifest.provenance
    provenance = msgspec.structs.replace(known, figures={**known.figures, **figures})
    return replace(
        model, manifest=msgspec.structs.replace(model.manifest, calibrator=calibrator, provenance=provenance)
    )


def encode_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON: sorted keys, no spaces."""
    return msgspec.json.encode(manifest, order="sorted")
