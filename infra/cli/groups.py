"""Groups of commands, whose help says the whole sentence about each."""

import click


class CommandGroup(click.Group):
    """Click cuts the summary of a command after 45 characters or so; this one lets it run over the line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_line(self.commands[name])) for name in self.list_commands(ctx)])


def first_line(command: click.Command) -> str:
    """The first line of the command's docstring."""
    return (command.help or "").strip().partition("\n")[0]
