"""What is told of the GPU where there is none, or where the model runs on the CPU."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from infra.models.devices import GpuFigures, gpu_figures


def test_nothing_is_told_and_nothing_loaded_without_torch() -> None:
    code = (
        "import sys; from infra.models.devices import gpu_figures\n"
        "sys.exit(gpu_figures() is not None or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_told_before_somebody_computes_on_a_gpu() -> None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        assert gpu_figures() is None


@pytest.mark.parametrize("so_far", [{}, {"cuda": SimpleNamespace()}])
def test_nothing_is_told_while_another_thread_imports_torch(
    monkeypatch: pytest.MonkeyPatch, so_far: dict[str, SimpleNamespace]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(**so_far))
    assert gpu_figures() is None


class NotSupported(Exception):
    """As NVML's binding says it: no child of RuntimeError."""


@pytest.mark.parametrize("broken", ["utilization", "mem_get_info"])
def test_a_driver_that_refuses_a_question_ends_nothing(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def refused() -> None:
        raise NotSupported if broken == "utilization" else RuntimeError("CUDA error: an illegal memory access")

    cuda = SimpleNamespace(
        is_available=lambda: True, is_initialized=lambda: True, mem_get_info=lambda: (1, 4), utilization=lambda: 50,
        current_device=lambda: 0,
    )  # fmt: skip
    setattr(cuda, broken, refused)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    figures = gpu_figures()
    assert figures == (GpuFigures("cuda:0", 3, 4, None) if broken == "utilization" else None)
