"""The command line: `felix` and `python -m felix`. Each command imports its face when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from felix import __version__
from felix.sharing import USUAL

if TYPE_CHECKING:
    from felix.engine import Engine
    from felix.sharing import Serve, Serving, Sharing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. Wrong usage ends in SystemExit(2), as argparse has it."""
    options = _parser().parse_args(arguments)
    try:
        return _carry_out(options)
    except KeyboardInterrupt:  # while it starts or ends, or pressed twice: what there was to stop has been stopped
        return 130


def _carry_out(options: argparse.Namespace) -> int:
    match options.command:
        case "run":
            from felix.cli import run

            return run.run(options)
        case "continue":
            from felix.cli import run

            return run.go_on(options)
        case "chat":
            from felix.cli.chat import session

            return session.run(options)
        case "demo-server":
            from felix.cli import demo_server

            return demo_server.run(options)
        case "serve":
            from felix.cli import serve

            return serve.run(options, _server())
        case "batch" | "runs" | "show" | "export" | "replay" | "doctor" | "endpoints" | "tools":
            from importlib import import_module

            return int(import_module(f"felix.cli.{options.command}").run(options))
        case _:
            return _open_window(options)


def _server() -> Serve:
    """What shows runs to others, for a face that offers it; its packages are imported when it is called."""

    def start(engine: Engine, sharing: Sharing) -> Serving:
        from felix import web

        return web.start(engine, sharing)

    return start


def main_window() -> int:
    """The entry without a console (`felix-window`): the window, with the same options as `felix gui`."""
    return main(["gui", *sys.argv[1:]])


def _open_window(options: argparse.Namespace) -> int:
    from felix import bootstrap

    try:
        bootstrap.ensure_window()
    except (bootstrap.Halt, OSError) as reason:
        bootstrap.say(str(reason))
        return 1
    from felix.gui import open_window

    return open_window(options, _server())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="felix", description="Watch several language models think at once.")
    parser.add_argument("--version", action="version", version=f"Felix {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    gui = commands.add_parser("gui", help="open the window")
    gui.add_argument("--task", default="", help="what the agents shall work on")
    gui.add_argument("--start", action="store_true", help="begin the run at once")

    run = commands.add_parser("run", help="run a workflow in the terminal")
    run.add_argument("task", metavar="TASK", help="what the agents shall work on; - reads it from stdin")
    go_on = commands.add_parser("continue", help="go on with a run that ended before its time")
    go_on.add_argument("run", metavar="RUN", help="its id, the beginning of it, or last")
    for command in (run, go_on):
        command.add_argument("--base-url", metavar="URL", help="the model server, as http://127.0.0.1:1234/v1")
        command.add_argument("--model", help="the model; without it the first that is loaded")
        command.add_argument("--no-stream", action="store_true", help="ask for whole answers")
        command.add_argument(
            "--batch-interval", type=float, metavar="S", help="seconds between two pieces of text, 0 to 2"
        )
        command.add_argument("--json", action="store_true", help="events only, one JSON object per line")
        command.add_argument("--plain", action="store_true", help="lines of text at a terminal, too, as in a pipe")

    chat = _add_chat(commands)
    batch = _add_batch(commands)
    serve = _add_serve(commands)
    for command in (gui, run, chat, batch, serve):
        command.add_argument("--workflow", default="", metavar="W", help="name or file of the workflow")
        command.add_argument("--demo", action="store_true", help="use the demo model: scripted text, no server")
    for command in (gui, run, go_on, chat, batch, serve):
        command.add_argument("--settings", type=Path, metavar="FILE", help="the settings file to use")
        command.add_argument("--ledger", default="", metavar="FILE", help="the file in which runs are kept")
        command.add_argument(
            "-v", "--verbose", action="count", default=0, help="the log on stderr as well; -vv: every chunk"
        )

    _add_kept(commands)
    _add_doctor(commands)
    demo = commands.add_parser("demo-server", help="serve the demo model on this machine")
    demo.add_argument("--port", type=int, default=0, help="0, as without it, takes a free one")
    return parser


def _add_chat(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    chat = commands.add_parser(
        "chat",
        help="talk with a model, or with a team of them",
        epilog="While it goes on: /model, /new, /save FILE, /stop and /quit; /help says what they do.",
    )
    chat.add_argument("question", metavar="QUESTION", nargs="?", default="", help="the first one")
    chat.add_argument(
        "--continue",
        dest="go_on",
        default="",
        metavar="RUN",
        help="go on with the conversation up to this run: its id, the beginning of it, or last",
    )
    chat.add_argument("--base-url", metavar="URL", help="the model server, as http://127.0.0.1:1234/v1")
    chat.add_argument("--model", help="the model; without it the first that is loaded")
    chat.set_defaults(no_stream=False, batch_interval=None)
    return chat


def _add_batch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    batch = commands.add_parser("batch", help="carry many tasks out; started again, it goes on where it was")
    batch.add_argument("tasks", type=Path, metavar="TASKS", help='a line of JSON for each: {"task": "…"} or "…"')
    batch.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="where each answer is appended")
    batch.add_argument("--base-url", metavar="URL", help="the model server, as http://127.0.0.1:1234/v1")
    batch.add_argument("--model", help="the model; without it the first that is loaded")
    batch.add_argument(
        "--at-once", type=int, default=0, metavar="N", help="runs at once; without it one, or one for each of a pool"
    )
    batch.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: spread over a Ray cluster")
    batch.add_argument("--ray-address", default="", metavar="A", help="the cluster; without it one on this machine")
    batch.set_defaults(no_stream=False, batch_interval=None)
    return batch


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    serve = commands.add_parser("serve", help="show runs in a browser: on this machine, or to others in its network")
    serve.add_argument("--port", type=int, default=0, help="0, as without it, takes a free one")
    serve.add_argument(
        "--lan",
        nargs="?",
        default="",
        const=USUAL,
        metavar="HOST",
        help="listen at this address of the machine, for others in its network; without HOST at the usual one",
    )
    serve.add_argument("--allow-control", action="store_true", help="let those who watch start runs and stop answers")
    serve.add_argument("--base-url", metavar="URL", help="the model server, as http://127.0.0.1:1234/v1")
    serve.add_argument("--model", help="the model; without it the first that is loaded")
    serve.set_defaults(no_stream=False, batch_interval=None)
    return serve


def _add_kept(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands that read what is kept."""
    runs = commands.add_parser("runs", help="list the runs that are kept")
    runs.add_argument("--search", default="", metavar="W", help="only those in which all of these words stand")
    runs.add_argument("--json", action="store_true", help="one JSON object per line")

    show = commands.add_parser("show", help="read a run")
    show.add_argument("--graph", action="store_true", help="which thought read which, as a Mermaid graph")

    export = commands.add_parser("export", help="write a run to a file")
    export.add_argument("--format", choices=("md", "json", "html"), help="without it as the ending of FILE says")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="without it to stdout")
    export.add_argument("--force", action="store_true", help="replace FILE if it is there")

    replay = commands.add_parser("replay", help="play a run again")
    replay.add_argument("--plain", action="store_true", help="lines of text at a terminal, too, as in a pipe")
    replay.add_argument("--speed", type=float, default=1.0, metavar="N", help="4 is four times as fast as it was")

    for command in (show, export, replay):
        command.add_argument("run", metavar="RUN", help="its id, the beginning of it, or last")
    for command in (show, export):
        command.add_argument("--thinking", action="store_true", help="what the models thought, too")
    endpoints = commands.add_parser("endpoints", help="list the model servers of the settings, and how they do")
    endpoints.add_argument("--json", action="store_true", help="one JSON object per line")

    for command in (runs, show, export, replay, endpoints):
        command.add_argument("--ledger", default="", metavar="FILE", help="the file in which runs are kept")
        command.add_argument("--settings", type=Path, metavar="FILE", help="the settings file to use")

    tools = commands.add_parser("tools", help="list the tools that workflows can name; starts their servers")
    tools.add_argument("--test", default="", metavar="SERVER", help="start this server alone, and say how that went")
    tools.add_argument("--json", action="store_true", help="one JSON object per line")
    tools.add_argument("--settings", type=Path, metavar="FILE", help="the settings file to use")


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="find out why a model server does not answer, or not well")
    doctor.add_argument("--base-url", metavar="URL", help="the server or model file; else the one in the settings")
    doctor.add_argument("--model", default="", help="the model; without it the first that is loaded")
    doctor.add_argument("--kind", default="auto", help="whose interface it has, as ollama; without it found out")
    doctor.add_argument("--workflow", default="", metavar="W", help="whether the context is long enough for this one")
    doctor.add_argument("--compare", action="store_true", help="ask a question streamed and whole, side by side")
    doctor.add_argument("--json", action="store_true", help="one JSON object per line")
    doctor.add_argument("--settings", type=Path, metavar="FILE", help="the settings file to use")


if __name__ == "__main__":
    sys.exit(main())
