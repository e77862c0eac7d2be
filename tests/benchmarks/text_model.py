"""A text model fitted once on recorded posts, for benchmarks."""

from functools import cache

from consumers.training.calibrate import fit_cross_calibrated
from consumers.training.dataset import Labelled
from consumers.training.fit import FitSettings, Task
from infra.models.artefact import Model
from producers.simulate.davidson import load_posts, seed_split


@cache
def text_model() -> Model:
    """Fitted on the 300 seed posts."""
    rows = [
        Labelled(request_id=post.post_id, content=post.text, label=post.majority)
        for post in seed_split(load_posts(), seed=0).seed
    ]
    task = Task(workflow="posts", classes=("reject", "approve"), approving_class="approve")
    model, _ = fit_cross_calibrated(rows, task, FitSettings(), feedback_end_offset=None)
    return model
