"""Where a display writes."""

from rich.console import Console


class RunConsole(Console):
    """A console that does not end the program, and its standard output, for want of a reader."""

    def on_broken_pipe(self) -> None:
        """Leave it to who prints.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError
