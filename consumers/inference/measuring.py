"""What models cost and which of them decides, as metrics."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumers.inference.loading import Models, ScorerStore
from consumers.inference.scoring import Scorer
from consumers.inference.stage import InferenceConfig
from infra.kafka.observing import Standing
from infra.models.bags import Inputs
from infra.models.devices import gpu_figures
from infra.observe import metrics as m
from infra.observe.instruments import Instruments


class MeasuredScorer:
    """A model that scores as the one within does, and tells how long it took."""

    def __init__(self, within: Scorer, instruments: Instruments) -> None:
        self._within, self._instruments = within, instruments
        self.digest, self.classes = within.digest, within.classes
        self.calibrator_version, self.featurizer_name = within.calibrator_version, within.featurizer_name

    def scores(self, inputs: Inputs, /) -> NDArray[np.float64]:
        """Calibrated probabilities `[B, C]`. Raises what the model raises."""
        began, before = time.perf_counter(), self._device_seconds()
        try:
            return self._within.scores(inputs)
        finally:
            show = self._instruments
            show.observe(m.SCORING, value=time.perf_counter() - began)
            show.add(m.DEVICE, count=self._device_seconds() - before)
            show.observe(m.INPUTS, value=len(inputs))
            show.observe(m.TOKENS, value=inputs.size if isinstance(inputs, np.ndarray) else sum(map(len, inputs)))

    def _device_seconds(self) -> float:
        return float(getattr(self._within, "device_seconds", 0.0))  # a stand-in has no device


class MeasuredScorers:
    """A store whose models tell how long they take."""

    def __init__(self, store: ScorerStore, instruments: Instruments) -> None:
        self._store, self._instruments = store, instruments

    def load(self, uri: str, digest: str) -> Scorer:
        """Raises what the store raises."""
        return MeasuredScorer(self._store.load(uri, digest), self._instruments)


class ModelsLook:
    """Shows for each published workflow whether a model decides and whether it is the newest; and the GPU."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def __call__(self, show: Instruments, standing: Standing) -> None:
        config: Any = standing.config
        assert isinstance(config, InferenceConfig)
        running = self._models.digests()
        for workflow in config.policies:
            promoted = config.promoted.get(workflow)
            digest = running.get(workflow)
            show.set(m.MODEL_IN_FORCE, workflow, value=float(digest is not None))
            show.set(m.MODEL_IS_NEWEST, workflow, value=float(not promoted or promoted[0].digest == digest))
        if (gpu := gpu_figures()) is not None:
            show.set(m.GPU_MEMORY_USED, gpu.name, value=gpu.memory_used)
            show.set(m.GPU_MEMORY, gpu.name, value=gpu.memory)
            if gpu.utilisation is not None:
                show.set(m.GPU_UTILISATION, gpu.name, value=gpu.utilisation)
