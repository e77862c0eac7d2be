"""How busy and how full the GPU is; None where there is none, or where nobody uses it."""

import sys
from typing import NamedTuple


class GpuFigures(NamedTuple):
    """One GPU: bytes taken and there, and the share of time in which it was busy (None: the driver does not tell)."""

    name: str
    memory_used: int
    memory: int
    utilisation: float | None


def gpu_figures() -> GpuFigures | None:
    """Of the GPU on which this process computes. Loads nothing that is not loaded yet, and raises nothing.

    A figure must not end what decides: a driver may refuse these questions, and NVML's errors have no common parent.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    try:
        if not torch.cuda.is_available() or not torch.cuda.is_initialized():
            return None
        free, there = torch.cuda.mem_get_info()
    except (AttributeError, RuntimeError):  # another thread is still importing torch; the driver refuses
        return None
    try:
        utilisation = torch.cuda.utilization() / 100
    except Exception:  # noqa: BLE001 - NVML's binding is a package of its own, and so are its errors
        utilisation = None
    return GpuFigures(f"cuda:{torch.cuda.current_device()}", there - free, there, utilisation)
