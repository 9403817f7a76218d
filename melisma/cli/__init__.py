"""The command line: arguments → `SongRequest`; progress and results for people and scripts.

Commands are imported when they are called, so that `melisma --help` answers at once. Errors meant for a person are
printed as they are, without a trace, and decide the exit code; Ctrl-C ends with 130 and leaves nothing half-written.
"""

import atexit
import gc
import importlib
import sys

import click

from melisma import __version__
from melisma.errors import Cancelled, MelismaError

# name: (module, attribute, one line for --help)
COMMANDS = {
    "studio": ("melisma.cli.studio", "studio", "Make, compare, edit and keep songs in a page of your browser."),
    "compose": ("melisma.cli.sing", "compose", "Make a song from words."),
    "cover": ("melisma.cli.sing", "cover", "Re-imagine existing music."),
    "repaint": ("melisma.cli.sing", "repaint", "Make one region again, keep the rest."),
    "extend": ("melisma.cli.sing", "extend", "Continue a song past either end."),
    "extract": ("melisma.cli.sing", "extract", "Separate one track out of a mix."),
    "lego": ("melisma.cli.sing", "lego", "Add one track that hears the rest."),
    "complete": ("melisma.cli.sing", "complete", "Play the band around a track."),
    "edit": ("melisma.cli.sing", "edit", "Change words or style of existing music."),
    "retake": ("melisma.cli.sing", "retake", "Play a take again, a little differently."),
    "again": ("melisma.cli.sing", "again", "Make a take again from its file."),
    "plan": ("melisma.cli.plan", "plan", "Fill the blanks of a request: a blueprint to edit."),
    "understand": ("melisma.cli.understand", "understand", "Describe existing music: the reverse of planning."),
    "show": ("melisma.cli.show", "show", "Tell how a file was made."),
    "models": ("melisma.cli.models", "models", "List, fetch, check and remove checkpoints."),
    "library": ("melisma.cli.library", "library", "Export, import, check and back up the studio's songs."),
    "doctor": ("melisma.cli.doctor", "doctor", "Check this machine and what fits on it."),
}


class Lazy(click.Group):
    """A group whose commands live in modules that are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="melisma")
def melisma() -> None:
    """A song studio for the ACE-Step family of music models."""


def main() -> None:
    """Run the command line and exit with a code that a script can read."""
    # Imports make hundreds of thousands of objects that stay. Looking for garbage among them costs 0.3 s on the way, and
    # 0.7 s at the end, when all that is left goes with the process.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    try:
        melisma.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except (click.Abort, KeyboardInterrupt, Cancelled):
        click.echo("Cancelled; nothing half-written was left behind.", err=True)
        sys.exit(Cancelled.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MelismaError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
