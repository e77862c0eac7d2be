"""The entry of `hitl`: runs the named command, and shows an expected error as one line that says what to do."""

import logging
import os
import sys
from collections.abc import Sequence

import click

from infra.cli.commands import LazyCommands
from infra.cli.output import show_error
from infra.errors import HitlError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


@click.group(cls=LazyCommands, name="hitl", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hitl-streams", prog_name="hitl")
def hitl() -> None:
    """Human-in-the-loop decisions on Kafka: a model decides what it is sure of, people the rest."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 failed, 2 wrong usage, 78 a configuration that cannot work."""
    # What a Kafka client says by the way is for a service's log (`infra.observe.logs`); a command says it in its error.
    logging.getLogger("infra.kafka").addHandler(logging.NullHandler())
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Exit status of one command line."""
    as_json = "--json" in arguments
    try:
        status = hitl.main(arguments, prog_name="hitl", standalone_mode=False)
    except HitlError as error:
        show_error(str(error), kind=type(error).__name__, as_json=as_json)
        return error.exit_code
    except click.UsageError as error:
        if as_json:
            show_error(error.format_message(), kind="UsageError", as_json=True)
        else:
            error.show()
        return error.exit_code
    except click.ClickException as error:
        show_error(error.format_message(), kind=type(error).__name__, as_json=as_json)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away, as `head` does; keep Python from complaining once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    main()
