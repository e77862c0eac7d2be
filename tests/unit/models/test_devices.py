"""What is told of the GPU where there is none, or where the model runs on the CPU."""

import subprocess
import sys

from infra.models.devices import gpu_figures


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
