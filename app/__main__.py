"""The command line. `python -m app` serves; every setting is a flag and an environment variable of the same name.

Each command imports what it needs when it runs: the parent of several workers needs little, and lives as long as they.
"""

import gc

gc.disable()  # What is imported stays: to look through it again and again while it grows takes a tenth of the start.

import asyncio
import io
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote

import click
from pydantic import SecretStr

from app import __version__, config, logs, process, workers
from app.config import BadSetting, Settings
from app.model import Refused

T = TypeVar("T")


def _settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add every setting as a flag to a command."""
    for name, field in reversed(Settings.model_fields.items()):
        names = ", ".join(config.environment_names(name, field))
        help_text = f"{field.description} [{names}]"
        command = click.option(config.flag(name), name, default=None, help=help_text, metavar="VALUE")(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="Parlor")
@_settings
@click.pass_context
def cli(context: click.Context, /, **flags: Any) -> None:
    """Chat rooms you open in a browser with nothing but a nickname. Without a command: serve."""
    context.obj = flags
    if context.invoked_subcommand is None:
        context.invoke(serve)


def _given(context: click.Context, flags: dict[str, Any]) -> dict[str, Any]:
    """The flags before and after the command; those after it win."""
    before: dict[str, Any] = context.obj
    return before | {name: value for name, value in flags.items() if value is not None}


@cli.command()
@_settings
@click.pass_context
def serve(context: click.Context, /, **flags: Any) -> None:
    """Serve rooms until SIGTERM, SIGHUP or Ctrl-C."""
    sys.stdout = process.best_effort(sys.stdout)
    given = _given(context, flags)
    settings, _ = config.load(given)
    worker = workers.Worker.of_this_process()
    logs.configure(settings.log_level, settings.log_format, worker.number if worker else None)
    process.raise_descriptor_limit()
    count, _ = workers.how_many(settings)
    if count > 1 and worker is None:
        sys.exit(workers.serve(settings, given, count))
    with process.importing():
        from app import server
    process.collect_seldom()
    server.run(settings, worker)


@cli.command("check-config")
@_settings
@click.pass_context
def check_config(context: click.Context, /, **flags: Any) -> None:
    """Print every setting, its value and where it came from."""
    settings, origin = config.load(_given(context, flags))
    for name in Settings.model_fields:
        value = getattr(settings, name)
        shown = config.without_password(value) if name == "database_url" else value
        click.echo(f"{name:16} {_shown(shown):32} {origin[name]}")


@cli.command()
@click.argument("room")
@click.option("--format", "form", type=click.Choice(["jsonl", "html"]), default="jsonl", help="JSON lines, or a page.")
@click.option("--output", type=click.File("w", encoding="utf-8", atomic=True), default="-", help="File to write.")
@click.option(
    "--with-files", "folder", type=click.Path(file_okay=False, path_type=Path), help="Folder for what was sent."
)
@_settings
@click.pass_context
def export(context: click.Context, /, room: str, form: str, output: IO[str], folder: Path | None, **flags: Any) -> None:
    """Write a room to a file, while the server runs or not. Pictures and files that were sent are named in it; with
    --with-files they are written into a folder as well, and a page shows them."""
    from app.export import export_files, export_room

    os.umask(0o077)  # the file is for its owner alone, as the room's messages are
    settings, _ = config.load(_given(context, flags))

    async def write() -> None:
        async for piece in export_room(settings, room, form, _address(folder, output.name)):
            output.write(piece)
        if folder:
            written, missing = await export_files(settings, room, folder)
            said = f"{written:,} files are in {folder}" + (f", {missing:,} are missing" if missing else "")
            click.echo(f"{said}.", err=True)

    _run(write())


def _address(folder: Path | None, page: str) -> str:
    """Of the folder, for a page: from where the page lies."""
    if folder is None:
        return ""
    beside = Path() if page in ("-", "<stdout>") else Path(page).parent
    return quote(Path(os.path.relpath(folder, beside)).as_posix())


@cli.command()
@click.argument("room")
@click.option("--days", type=click.FloatRange(min=0), help="Days; 0: for ever.")
@click.option("--messages", type=click.IntRange(min=0), help="The newest so many; 0: all.")
@click.option("--bytes", "size", type=click.IntRange(min=0), help="Bytes of the newest; 0: all.")
@_settings
@click.pass_context
def keep(
    context: click.Context, /, room: str, days: float | None, messages: int | None, size: int | None, **flags: Any
) -> None:
    """Say how long a room's messages are kept, and how large it is. What is not said is as the server has it."""
    from app.export import set_retention

    settings, _ = config.load(_given(context, flags))
    count, taken = _run(set_retention(settings, room, days, messages, size))
    click.echo(f"#{room}: days {_kept(days)}, messages {_kept(messages)}, bytes {_kept(size)}")
    click.echo(f"It has {count:,} messages now, which take {taken:,} bytes.")


@cli.command()
@click.argument("room")
@click.argument("nickname")
@_settings
@click.pass_context
def own(context: click.Context, /, room: str, nickname: str, **flags: Any) -> None:
    """Make whoever bears this nickname an owner of the room, while the server runs or not."""
    from app.export import own as make_owner

    settings, _ = config.load(_given(context, flags))
    _run(make_owner(settings, room, nickname))
    click.echo(f"#{room} belongs to {nickname}.")


@cli.command()
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str) -> None:
    """Move a whole history into another database: from SQLite to PostgreSQL, or back.

    SOURCE and TARGET are what DATABASE_URL would be: sqlite:///data/parlor.db, postgres://user:password@host/name. No
    server may have them open. The target is empty, or an unfinished copy, which goes on.
    """
    from app.copy import copy as copy_history

    async def work() -> None:
        shown = sys.stderr.isatty()
        last = ""
        async for what, done, total in copy_history(source, target):
            if shown or what != last:
                click.echo(f"\r{what}: {done:,} of {total:,}".ljust(60), nl=not shown, err=True)
            last = what
        click.echo("\n" * shown, nl=False, err=True)

    _run(work())
    click.echo(f"All of it is in {config.without_password(target)} now. Set DATABASE_URL to it.")
    click.echo(
        "Pictures and files stay where they are: let PARLOR_FILES name that place (by default `files` in PARLOR_DATA)."
    )


@cli.command("copy-files")
@click.argument("target")
@_settings
@click.pass_context
def copy_files(context: click.Context, /, target: str, **flags: Any) -> None:
    """Copy what people have sent to another place, which PARLOR_FILES is to name then: a folder, or s3://bucket/folder.

    What is there already is left as it is, so an interrupted copy goes on; run it again when the server has stopped.
    """
    from app.copy import copy_files as copy_them

    settings, _ = config.load(_given(context, flags))
    copied, missing = _run(copy_them(settings, target))
    said = f"{copied:,} files were copied to {target}" + (f"; the bytes of {missing:,} are missing" if missing else "")
    click.echo(f"{said}. Set PARLOR_FILES to it.")


def _kept(limit: float | None) -> str:
    return "as the server has it" if limit is None else f"{limit:,.15g}" if limit else "no limit"


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except Refused as refusal:
        raise click.ClickException(refusal.text) from None


@cli.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.option("--idle", type=click.FloatRange(1, 86_400), help="Seconds to watch silent connections.  [default: 7]")
@click.option("--max", "most", type=click.IntRange(1, 2_000), help="Open so many WebSockets, to find their limit.")
def doctor(url: str, as_json: bool, idle: float | None, most: int | None) -> None:
    """Look at a site as a stranger: what is wrong between a browser and it, why, and how to mend it.

    Ends with 0 where all is well, 1 where something is to be mended, 2 where nobody can talk.
    """

    from app.tools.doctor import Finding, examine, lines

    def tell(name: str, finding: Finding) -> None:
        if not as_json:
            click.echo(lines(name, finding))

    process.raise_descriptor_limit()
    report = asyncio.run(examine(url, idle=idle, most=most or 0, tell=tell))
    click.echo(report.json() if as_json else f"\n{report.sentence()}")
    sys.exit(report.exit_code)


def _in_a_room(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every client's command needs to know: where, and who."""
    options = [
        click.argument("url"),
        click.option("-r", "--room", help="The room; needless where URL is that of a room's page."),
        click.option("--nickname", help="The name to bear. Without one: that of the last time, or a guest's."),
        click.option(
            "--token-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Keeps the token by which one is the same person again.  [default: one for each site and nickname]",
        ),
        click.option("--passphrase-file", type=click.File("r", encoding="utf-8"), help="Holds the room's passphrase."),
        click.option(
            "--wait", type=click.FloatRange(0), default=30, help="Seconds to wait for a connection.  [default: 30]"
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


CLIENTS_HELP = """URL is the site's address, or that of a room's page. PARLOR_TOKEN may hold a token, that of a bot say,
    and PARLOR_PASSPHRASE the room's passphrase.

    Exit codes: 0 done, 1 refused (why is on stderr), 2 wrong usage, 3 the site cannot be reached, 130 interrupted."""


def _who(
    url: str,
    room: str | None,
    nickname: str | None,
    token_file: Path | None,
    passphrase_file: IO[str] | None,
    wait: float,
) -> tuple[str, str, Any]:
    """The site, the room, and who talks there."""
    from app.tools.terminal.site import Usage, Who, address

    try:
        site, room, invite = address(url, room)
    except Usage as error:
        raise click.UsageError(str(error)) from None
    passphrase = passphrase_file.read().strip("\r\n") if passphrase_file else os.environ.get("PARLOR_PASSPHRASE")
    token = None if token_file else os.environ.get("PARLOR_TOKEN", "").strip() or None
    return site, room, Who(nickname, token, token_file, passphrase or None, invite, wait)


def _talk(work: Coroutine[Any, Any, int]) -> None:
    """Ends with the exit code of what a client does."""
    from app.tools.terminal.site import INTERRUPTED, OK, Usage, ending

    try:
        code = asyncio.run(ending(work))
    except Usage as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough
        process.discard(sys.stdout)
        code = OK
    sys.exit(code)


@cli.command(epilog=CLIENTS_HELP)
@_in_a_room
@click.option("--whole", is_flag=True, help="Say all of stdin as one message, not each line as its own.")
@click.option("--id", "own_id", help="8 to 64 of A-Za-z0-9_-: said again with the same one, it is said once.")
@click.option("--reply-to", type=click.IntRange(1), help="The seq of the message that this one answers.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file to send; the text is its caption.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each message as it is stored, a line of JSON.")
@click.argument("text", nargs=-1)
def say(
    text: tuple[str, ...],
    whole: bool,
    own_id: str | None,
    reply_to: int | None,
    file: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Say TEXT in a room, or each line of stdin. Returns when it is stored."""
    from app.tools.terminal import scripts

    site, room, who = _who(**where)
    given = " ".join(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace") if text else None
    if given is not None and whole:
        raise click.UsageError("--whole says what comes by stdin; TEXT is there already.")
    _talk(scripts.say(site, room, who, given, whole=whole, id=own_id, reply_to=reply_to, file=file, as_json=as_json))


@cli.command(epilog=CLIENTS_HELP)
@_in_a_room
@click.option("--last", type=click.IntRange(0), default=20, help="So many messages.  [default: 20]")
@click.option("--after", type=click.IntRange(0), help="Those after this seq instead.")
@click.option("-f", "--follow", is_flag=True, help="Go on with whatever is said, for ever, through lost connections.")
@click.option("--json", "as_json", is_flag=True, help="Print each message as a line of JSON.")
def read(last: int, after: int | None, follow: bool, as_json: bool, **where: Any) -> None:
    """Print what was said in a room: `time nickname: text`, further lines of a message indented."""
    from app.tools.terminal import scripts

    _talk(scripts.read(*_who(**where), last=last, after=after, follow=follow, as_json=as_json))


@cli.command(epilog=CLIENTS_HELP)
@_in_a_room
@click.option("--plain", is_flag=True, help="Move no cursor: for screen readers. So it is where there is no terminal.")
@click.option("--bell", is_flag=True, help="Ring where somebody calls you by name.")
def chat(plain: bool, bell: bool, **where: Any) -> None:
    """Talk in a room, from a terminal. /help lists what can be typed."""
    from app.tools.terminal.chat import talk
    from app.tools.terminal.commands import typed
    from app.tools.terminal.screen import PlainScreen, is_plain_terminal

    site, room, who = _who(**where)
    if plain or is_plain_terminal():
        _talk(talk(site, room, who, lambda _: PlainScreen(), typed, bell))
    from app.tools.terminal.prompt import PromptScreen

    _talk(talk(site, room, who, PromptScreen, typed, bell))


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "(hidden)" if value.get_secret_value() else "(none)"
    if isinstance(value, tuple):
        return ",".join(value) or "(none)"
    return "(none)" if value in (None, "") else str(value)


def main() -> None:
    """Run the command. Where it cannot start or cannot write its output, one sentence says why."""
    gc.freeze()  # or each full collection would look through the imports again: 40 ms in which nobody is answered
    gc.enable()
    process.ensure_standard_streams()
    sys.stderr = process.best_effort(sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            cli(prog_name="parlor" if sys.argv[0].endswith("parlor") else "python -m app")
        finally:
            sys.stdout.flush()
    except BadSetting as error:
        sys.exit(f"Parlor cannot start: {error}")
    except OSError as error:
        process.discard(sys.stdout)
        sys.exit(f"Parlor cannot go on: {error.strerror or error}.")


if __name__ == "__main__":
    main()
