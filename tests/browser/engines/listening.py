"""A proxy that puts an ear into each page: what the page complains of stands in `window.complaints`.

WebKit's driver can neither run a script before the page's own nor tell what was written to the console. So the proxy
gives the page one more script, in the place of a line of the same length that no test here needs.
"""

import asyncio

from tests.support.proxy import Proxy, Way

EAR = b"""
"use strict";
window.complaints = [];
const missing = ({ src, href }) => `not loaded: ${src ?? href}`;
addEventListener("error", ({ message, target }) => complaints.push(message ?? missing(target)), true);
addEventListener("unhandledrejection", ({ reason }) => complaints.push(`rejected: ${reason}`));
addEventListener("securitypolicyviolation", ({ violatedDirective }) => complaints.push(`CSP: ${violatedDirective}`));
for (const kind of ["error", "warn"]) console[kind] = (...words) => complaints.push(`${kind}: ${words.join(" ")}`);
"""
LINE = b'<link rel="apple-touch-icon" href="/apple-touch-icon.png">'
SCRIPT = b'<script src="/ear.js"></script>'.ljust(len(LINE))


class ListeningProxy(Proxy):
    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.without = ("accept-encoding",)

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not head.startswith(b"GET /ear.js "):
            return await super()._answer(head, reader, writer)
        about = f"Content-Type: text/javascript\r\nContent-Length: {len(EAR)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 200 OK\r\n{about}\r\n\r\n".encode() + EAR)
        return await writer.drain()

    async def _write(self, data: bytes, sink: asyncio.StreamWriter, way: Way) -> None:
        await super()._write(data.replace(LINE, SCRIPT, 1) if way == "down" else data, sink, way)
