"""Azure App Service runs this where no startup command is set: one page that names the command.

Its builder takes a folder with a wsgi.py for a gunicorn application and runs it with one synchronous worker, which can
hold neither a WebSocket nor a waiting poll (docs/hosts.md, "Azure App Service"). No other host uses this file.
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

COMMAND = "exec python -m app"
TEXT = f"""Parlor is here, but this host started it with gunicorn, which cannot keep a conversation open.

Tell it the startup command:  {COMMAND}

az webapp config set --name <app> --resource-group <group> --startup-file "{COMMAND}"
Or in the portal: Settings, Configuration, Stack settings, Startup command.
"""


def application(_environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers every request with 503 and the instructions."""
    body = TEXT.encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response("503 Service Unavailable", [*headers, ("Cache-Control", "no-store")])
    return [body]
