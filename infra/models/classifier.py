"""A loaded model scores batches with torch: one `embedding_bag`, on CUDA if there is a GPU, else on the CPU."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from infra.models.artefact import Manifest, Model
from infra.models.bags import Bags, Featurizer, Inputs
from infra.models.batches import plan_batches
from infra.models.calibrator import calibrate
from infra.models.featurizers import featurizer

if TYPE_CHECKING:
    import torch

MAX_TOKENS = 4_000_000  # characters or numbers featurised at once; about 100 bytes of scratch memory each


class Classifier:
    """Immutable once loaded: a swap is another Classifier. On the CPU a row's scores do not depend on its batch."""

    def __init__(
        self,
        *,
        digest: str,
        manifest: Manifest,
        features: Featurizer,
        weights: torch.Tensor,
        bias: NDArray[np.float64],
        max_tokens: int,
    ) -> None:
        self.digest = digest
        self.manifest = manifest
        self._features = features
        self._weights = weights
        self._bias = bias
        self._max_tokens = max_tokens
        self.device_seconds = 0.0  # spent in forward passes so far, transfers included

    @classmethod
    def load(
        cls, model: Model, *, device: str | None = None, threads: int | None = None, max_tokens: int = MAX_TOKENS
    ) -> Self:
        """Puts the model on `device` (default: CUDA if present, else CPU); `threads` are torch's, process-wide."""
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        spec = model.manifest.featurizer
        features = featurizer(spec.name, spec.parameters)
        weights = torch.from_numpy(np.array(model.tensors["weights"], np.float32)).to(chosen)  # [D, K]
        bias = np.asarray(model.tensors["bias"], np.float64)  # [K]
        _check_shapes(model.manifest, features, tuple(weights.shape), bias.shape)
        return cls(
            digest=model.digest,
            manifest=model.manifest,
            features=features,
            weights=weights,
            bias=bias,
            max_tokens=max_tokens,
        )

    @property
    def workflow(self) -> str:
        return self.manifest.workflow

    @property
    def classes(self) -> tuple[str, ...]:
        return self.manifest.classes

    @property
    def approving_class(self) -> str:
        return self.manifest.approving_class

    @property
    def calibrator_version(self) -> str:
        return self.manifest.calibrator.version

    @property
    def featurizer_name(self) -> str:
        """`text` takes texts, `tabular` rows of named columns, `vector` float32 `[B, D]`."""
        return self.manifest.featurizer.name

    @property
    def device(self) -> str:
        return str(self._weights.device)

    def warm_up(self) -> None:
        """Runs once, so that the first real batch does not pay for lazy initialisation."""
        self.scores(self._features.example())

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Calibrated probabilities `[B, C]` in the order of `classes`; NaN for a vector that is not finite."""
        return calibrate(self.logits(inputs), self.manifest.calibrator)

    def logits(self, inputs: Inputs) -> NDArray[np.float64]:
        """Uncalibrated logits `[B, C]`; of two classes the first is 0."""
        result = np.empty((len(inputs), len(self.classes)))
        groups = plan_batches(self._features.sizes(inputs), self._max_tokens)
        if len(groups) == 1:
            return self._forward(inputs)
        for rows in groups:
            result[rows] = self._forward(_take(inputs, rows))
        return result

    def _forward(self, inputs: Inputs) -> NDArray[np.float64]:
        bags = self._features.bags(inputs)
        sums = self._bag_sums(bags)  # [G * B, K]
        groups, rows = bags.scale.shape
        scaled = sums.reshape(groups, rows, -1) * bags.scale[:, :, None].astype(np.float64)
        logits = scaled.sum(axis=0) + self._bias  # [B, K]
        return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else np.asarray(logits)

    def _bag_sums(self, bags: Bags) -> NDArray[np.float64]:
        import torch

        device, began = self._weights.device, time.perf_counter()
        with torch.inference_mode():
            sums = torch.nn.functional.embedding_bag(
                torch.from_numpy(bags.indices).to(device),
                self._weights,
                torch.from_numpy(bags.offsets).to(device),
                mode="sum",
                per_sample_weights=None if bags.values is None else torch.from_numpy(bags.values).to(device),
            )
            result = np.asarray(sums.cpu().numpy(), np.float64)  # waits for the device
        self.device_seconds += time.perf_counter() - began
        return result


def _take(inputs: Inputs, rows: NDArray[np.int64]) -> Inputs:
    if isinstance(inputs, np.ndarray):
        return inputs[rows]
    return [inputs[row] for row in rows]


def _check_shapes(manifest: Manifest, features: Featurizer, weights: tuple[int, ...], bias: tuple[int, ...]) -> None:
    columns = 1 if len(manifest.classes) == 2 else len(manifest.classes)
    if weights != (features.width, columns) or bias != (columns,):
        columns_and_classes = f"{features.width} columns and {len(manifest.classes)} classes"
        raise ValueError(f"weights {weights} and bias {bias} do not fit {columns_and_classes}; train the model again")
