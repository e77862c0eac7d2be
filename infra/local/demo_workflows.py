"""The workflows that the demo runs at once: what was recorded of each, its policy, and how its requests flow in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

SEED: Final = 300  # labelled requests of which the first model of each is made
SHOWN: Final = "[desk]"  # the last table of a shipped workflow: how its cases are shown
MOST_APPLICATIONS: Final = 700  # of 1,000 that were recorded, less the labelled ones

# Left to whoever sits there: half an hour's work, of which the model takes most of the posts.
NEW_POSTS: Final = 120
NEW_APPLICATIONS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoWorkflow:
    """One of them; `rate` in requests a second."""

    name: str
    recording: str  # what `hitl simulate` calls it
    noun: str  # its requests, as `hitl simulate` and people call them
    policy: str | None  # a shipped one by name; None = the demo's own
    requests: int
    rate: float
    new: int  # requests that the simulated people leave to whoever sits there afterwards

    def simulate(self, folder: Path) -> tuple[str, ...]:
        """The command that writes its files."""
        return (
            "simulate", self.recording, "--seed-file", str(self.seed(folder)), "--stream-file",
            str(self.stream(folder)), f"--{self.noun}", str(self.requests), f"--seed-{self.noun}", str(SEED),
            "--new-file", str(self.left(folder)), f"--new-{self.noun}", str(self.new), "--json",
        )  # fmt: skip

    def train(self, folder: Path) -> tuple[str, ...]:
        """The command that makes its first model."""
        return ("model", "train", self.name, str(self.seed(folder)), "--json")

    def publish(self, folder: Path) -> tuple[str, ...]:
        """The command that lets its requests flow in."""
        return (
            "publish", str(self.stream(folder)), "--workflow", self.name, "--rate", f"{self.rate:g}", "--json"
        )  # fmt: skip

    def publish_left(self, folder: Path) -> tuple[str, ...]:
        """The command that lets in what is left to people, at once."""
        return ("publish", str(self.left(folder)), "--workflow", self.name, "--json")

    @contextmanager
    def policy_file(self) -> Iterator[str]:
        """What `hitl policy publish` takes."""
        if self.policy is not None:
            yield self.policy
            return
        with TemporaryDirectory() as folder:
            file = Path(folder) / "demo.toml"
            file.write_text(demo_document(), encoding="utf-8")
            yield str(file)

    def seed(self, folder: Path) -> Path:
        return folder / f"{self.name}-seed.csv"

    def stream(self, folder: Path) -> Path:
        return folder / f"{self.name}-stream.csv"

    def left(self, folder: Path) -> Path:
        return folder / f"{self.name}-left.csv"


def demo_document() -> str:
    """The demo's own policy; its cases are shown as the shipped workflow of that name shows them."""
    own = files("infra.local").joinpath("demo.toml").read_text(encoding="utf-8")
    shipped = files("streams.workflow").joinpath("content_moderation.toml").read_text(encoding="utf-8")
    return f"{own}\n{shipped[shipped.index(SHOWN) :]}"


def demo_workflows(*, posts: int, applications: int, rate: float) -> tuple[DemoWorkflow, ...]:
    """Posts at `rate` a second, and loan applications that flow in over the same time."""
    return (
        DemoWorkflow(
            name="content_moderation", recording="davidson", noun="posts", policy=None, requests=posts, rate=rate,
            new=NEW_POSTS,
        ),
        DemoWorkflow(
            name="loan_approval", recording="german-credit", noun="applications", policy="loan_approval",
            requests=applications, rate=rate * applications / posts, new=NEW_APPLICATIONS,
        ),
    )  # fmt: skip
