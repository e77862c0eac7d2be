"""The demo from the first step to the last: set up, first models, streams, account."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from infra.local.demo_commands import Commands, StepFailed
from infra.local.demo_desk import Invitation, invite
from infra.local.demo_end import Account, Measured, with_measures
from infra.local.demo_folder import clean
from infra.local.demo_processes import uses
from infra.local.demo_progress import DemoState
from infra.local.demo_steps import Steps
from infra.local.demo_stream import await_cases, follow
from infra.local.demo_workflows import SEED, DemoWorkflow
from infra.local.services import installed, simulations
from infra.local.stack import Stack
from infra.local.state import Condition
from infra.observe.flow_reading import FlowReader, watching
from infra.settings import Settings

SETTLE: Final = "30"  # seconds that the account may wait for the last records
MOST_RESTARTS: Final = 4  # of one process, beyond which it is taken for broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the user asked for."""

    workflows: tuple[DemoWorkflow, ...]
    headless: bool
    opens: bool = False  # the desk, in a browser
    report: Path | None

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.workflows)

    def counted(self) -> str:
        """How many of what, in words."""
        return " and ".join(f"{each.requests:,} {each.noun}" for each in self.workflows)


class Demo:
    """One run over the folder of `stack`."""

    def __init__(self, plan: Plan, stack: Stack, console: Console) -> None:
        self._plan, self._stack, self._console = plan, stack, console
        self._steps = Steps(console)
        self._folder = stack.settings.data_dir
        self._began = time.monotonic()

    def run(self) -> Account:
        """Everything in order. Raises HitlError, naming the log to look at; then nothing is left running."""
        try:
            settings = self._set_up()
            with self._commands(settings) as commands:
                self._first_models(commands)
                state = DemoState()
                with watching(settings, state) as reader:
                    self._stream(commands, reader, state)
                    account = self._account(commands, state)
                    if not self._plan.headless:
                        account = replace(account, invitation=self._invite(commands, reader, state))
        except BaseException as error:  # also Ctrl-C: nothing may be left running
            self._give_up(error)
            raise
        if self._plan.headless:
            with self._steps.step("end", "ending everything"):
                if account.adds_up:
                    clean(self._stack)
                else:  # what is wrong is to be looked at
                    self._stack.stop()
        return account

    def _set_up(self) -> Settings:
        former = self._stack.state() is not None
        with self._steps.step("clean", "ending the former demo, deleting its data" if former else "making room"):
            clean(self._stack)
        names = [*installed(), *simulations()]
        with self._steps.step("start", f"Kafka, topics, {len(names)} services") as tell:
            owner = os.getpid() if self._plan.headless else None
            return self._stack.start(names, external=False, owner=owner, tell=tell)

    @contextmanager
    def _commands(self, settings: Settings) -> Iterator[Commands]:
        commands = Commands(settings, self._stack.folders.log("demo"), columns=self._console.width)
        try:
            yield commands
        finally:
            commands.end()

    def _first_models(self, commands: Commands) -> None:
        workflows = self._plan.workflows
        with self._steps.step("policy", "recorded requests, and policies for them in force"):
            commands.run_together(*(each.simulate(self._run_folder) for each in workflows))
            with ExitStack() as files:
                policies = [files.enter_context(each.policy_file()) for each in workflows]
                commands.run_together(*(("policy", "publish", one, "--by", "demo", "--json") for one in policies))
        with self._steps.step("train", f"first models, each from {SEED} labelled requests") as tell:
            for each in workflows:  # one by one: labels lie in the log in the same order in every demo
                tell(each.name)
                commands.run(*each.train(self._run_folder))

    def _stream(self, commands: Commands, reader: FlowReader, state: DemoState) -> None:
        with self._steps.step("stream", f"{self._plan.counted()} decided", has_screen=True):
            publishing = [
                (publish, commands.start(*publish))
                for publish in (each.publish(self._run_folder) for each in self._plan.workflows)
            ]

            def look() -> bool:
                check_services(self._stack)
                for publish, process in publishing:
                    if process.poll():
                        raise commands.failure(publish, process.returncode)
                return all(process.poll() is not None for _, process in publishing)

            live = not self._plan.headless
            follow(reader, state, look, requests=self._plan.requests, console=self._console, live=live)

    def _account(self, commands: Commands, state: DemoState) -> Account:
        used = uses(self._stack.pids())
        with self._steps.step("account", "reading the whole log for the account"):
            output = self._run_folder / "report.json"
            # Exit status 1: the log does not add up, which is to be shown, too.
            report = commands.run("audit", "report", "--output", str(output), "--wait", SETTLE, accept=(0, 1))
            story = state.story()
            told = commands.run("audit", "show", story).said if story else ""
        measured = Measured(
            seconds=round(time.monotonic() - self._began, 1),
            phases=self._steps.seconds,
            processes=used,
            memory_mib=round(sum(each.memory_mib for each in used), 1),
            automatic_by_model=dict(state.by_model),
            workflow_of_model=state.workflow_of_model,
            published_at_promotions=state.learnt_after,
        )
        return Account(
            adds_up=report.status == 0,
            report=with_measures(output.read_bytes(), measured),
            figures=report.said,
            story_id=story,
            story=told,
            measured=measured,
        )

    def _invite(self, commands: Commands, reader: FlowReader, state: DemoState) -> Invitation:
        workflows = self._plan.workflows
        with self._steps.step("desk", "new requests, which are left to you, and a link that opens the desk"):
            for each in workflows:  # one by one: what everybody can read is due first, before the applications in codes
                commands.run(*each.publish_left(self._run_folder))
            await_cases(reader, state, requests=self._plan.requests + sum(each.new for each in workflows))
            return invite(commands, cases=len(state.open_cases), opens=self._plan.opens)

    def _give_up(self, error: BaseException) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        with self._steps.step("end", "interrupted: ending everything" if interrupted else "failed: ending everything"):
            self._stack.stop()
        if not interrupted:
            self._console.print(f"logs of all processes: {self._stack.folders.log('*')}", highlight=False)

    @property
    def _run_folder(self) -> Path:
        return self._folder / "run"


def check_services(stack: Stack) -> None:
    """Raises `StepFailed` when a process of the stack is down for good, or keeps failing."""
    state = stack.state()
    if state is None or not stack.is_running():
        raise StepFailed(f"the supervisor of the stack is gone (log: {stack.folders.log('supervisor')})")
    for each in state.processes:
        if each.condition is Condition.DOWN or each.restarts > MOST_RESTARTS:
            raise StepFailed(f"{each.name} does not stay up: {each.last_exit} (log: {each.log})")
