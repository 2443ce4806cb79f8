"""Blocks run in order, in a page's folder."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from shown.snippets import Snippet, SnippetError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SECONDS = 540
# Whoever asks for anything beyond this machine finds nobody there.
NOWHERE = "http://127.0.0.1:9"
PARSERS: dict[str, Callable[[str], object]] = {
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "json": json.loads,
    "toml": tomllib.loads,
}


class Page:
    """A page's folder and its Python names; `run` takes the blocks one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self._printed: tuple[str, ...] = ()  # what the last block printed: alone, with its errors

    def run(self, snippets: Iterable[Snippet], *, long: bool) -> int:
        """Do what the blocks say; how many were run, or compared.

        Args:
            snippets: of one page, in order.
            long: whether those that take long are run, too.

        Raises:
            SnippetError: a block failed, or printed something else than the page shows.
        """
        done = 0
        for snippet in snippets:
            if "long" in snippet.marks and not long:
                continue
            done += self._do(snippet)
        return done

    def _do(self, snippet: Snippet) -> bool:
        if snippet.language in PARSERS:
            _parse(snippet)
        if "file" in snippet.marks:
            self._write(snippet)
        if "output" in snippet.marks:
            self._compare(snippet)
        elif snippet.is_run:
            self._printed = ()
            if "instead" in snippet.marks:
                self._bash(snippet, snippet.marks["instead"])
            elif snippet.language == "bash":
                self._bash(snippet, snippet.text)
            else:
                self._python(snippet)
        return snippet.is_run or "output" in snippet.marks

    def _write(self, snippet: Snippet) -> None:
        name = snippet.marks["file"]
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(snippet.text, encoding="utf-8")
        content = yaml.safe_load(snippet.text) if snippet.language == "yaml" else None
        if isinstance(content, dict) and {"methods", "protocol"} <= content.keys():
            self._bash(snippet, f"noisyseg suite validate {shlex.quote(name)}")

    def _bash(self, snippet: Snippet, text: str) -> None:
        # On the text's own first line, so that bash counts the page's lines.
        at = f"$((LINENO + {snippet.line - 1}))" if "instead" not in snippet.marks else snippet.line
        trap = f"""trap 'echo "{snippet.page}:{at}: \\"$BASH_COMMAND\\" failed" >&2' ERR; """
        with (self.folder / ".printed").open("w+") as file:
            try:
                ended = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", trap + text],
                    cwd=self.folder,
                    env=environment(self.folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=file,
                    text=True,
                    timeout=SECONDS,
                )
            except subprocess.TimeoutExpired as error:
                raise SnippetError(f"{snippet.place}: not done after {SECONDS} s") from error
            file.seek(0)
            said = file.read()
        self._printed = (ended.stdout, ended.stdout + said, said + ended.stdout)
        if ended.returncode:
            end = f"{snippet.place}: ended with {ended.returncode}"
            raise SnippetError(f"{end}\n{ended.stdout}\n{said}")

    def _python(self, snippet: Snippet) -> None:
        printed = io.StringIO()
        text = "\n" * (snippet.line - 1) + snippet.text
        try:
            with contextlib.redirect_stdout(printed), in_folder(self.folder):
                exec(compile(text, snippet.page, "exec"), self.names)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == snippet.page]
            line = lines[-1] if lines else getattr(error, "lineno", None) or snippet.line
            said = f"{snippet.page}:{line}: {type(error).__name__}: {error}"
            raise SnippetError(said) from error
        self._printed = (printed.getvalue(),)

    def _compare(self, snippet: Snippet) -> None:
        if not any(is_output(snippet.text, printed) for printed in self._printed):
            real = self._printed[0] if self._printed else "nothing: the block before was not run"
            raise SnippetError(
                f"{snippet.place}: shown is\n{snippet.text}\nand printed was\n{real}"
            )


@contextlib.contextmanager
def in_folder(folder: Path):
    """The process in the folder, whose modules are found; both are put back afterwards."""
    before, path = Path.cwd(), list(sys.path)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path


def environment(folder: Path) -> dict[str, str]:
    """A shell's variables: this environment's programs first, a home in the folder, no network."""
    inherited = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "home" / ".cache"),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "MPLBACKEND": "agg",
        "PIP_NO_INDEX": "1",
        "http_proxy": NOWHERE,
        "https_proxy": NOWHERE,
        "no_proxy": "localhost,127.0.0.1",
    }


def is_output(shown: str, printed: str) -> bool:
    """Whether the program printed what is shown; spaces count as one, `...` is anything."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("...")]
    pattern = r"\s*.*?\s*".join(parts)
    return re.fullmatch(pattern, " ".join(printed.split()), re.S) is not None


def _parse(snippet: Snippet) -> None:
    try:
        PARSERS[snippet.language](snippet.text)
    except (ValueError, yaml.YAMLError) as error:
        raise SnippetError(f"{snippet.place}: not {snippet.language}: {error}") from error
