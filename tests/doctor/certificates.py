"""An authority of our own, made by openssl for the time of the tests."""

import asyncio
import ssl
import subprocess
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support import PATIENCE

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """`root` is its certificate, to be believed."""

    def __init__(self, openssl: str, folder: Path) -> None:
        self.openssl, self.folder, self.root = openssl, folder, folder / "root.pem"
        self._run("req", "-x509", *KEY, "-keyout", "root.key", "-out", "root.pem", "-days", "30", "-subj", "/CN=Tests")

    def _run(self, *arguments: str) -> None:
        subprocess.run([self.openssl, *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30)

    def tls(
        self, *, days: int = 90, name: str = "IP:127.0.0.1,DNS:localhost", alpn: str = "http/1.1"
    ) -> ssl.SSLContext:
        """For a server: a certificate for these names that holds so many days; -1: until yesterday."""
        leaf = f"leaf{abs(hash((days, name)))}"
        (self.folder / f"{leaf}.ext").write_text(f"subjectAltName={name}\n")
        self._run("req", *KEY, "-keyout", f"{leaf}.key", "-out", f"{leaf}.csr", "-subj", "/CN=Site")
        signed = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-extfile", f"{leaf}.ext")
        self._run("x509", "-req", "-in", f"{leaf}.csr", *signed, "-days", str(days), "-out", f"{leaf}.pem")
        return self._context(leaf, alpn)

    def self_signed(self) -> ssl.SSLContext:
        how = ("-days", "30", "-subj", "/CN=Self", "-addext", "subjectAltName=IP:127.0.0.1")
        self._run("req", "-x509", *KEY, "-keyout", "self.key", "-out", "self.pem", *how)
        return self._context("self", "http/1.1")

    @asynccontextmanager
    async def serving(self, alpn: str) -> AsyncIterator[str]:
        """A TLS of openssl's own that refuses whoever does not offer this protocol; Python's takes everybody."""
        arguments = ("-accept", "127.0.0.1:0", "-cert", "self.pem", "-key", "self.key", "-alpn", alpn)
        process = await asyncio.create_subprocess_exec(
            *(self.openssl, "s_server", *arguments), cwd=self.folder, stdout=PIPE, stderr=DEVNULL, stdin=PIPE
        )
        assert process.stdout
        try:
            async with asyncio.timeout(PATIENCE):
                while not (line := await process.stdout.readline()).startswith(b"ACCEPT"):
                    assert line, "openssl s_server does not start"
            yield f"https://127.0.0.1:{int(line.rpartition(b':')[2])}"
        finally:
            process.kill()
            await process.wait()

    def _context(self, leaf: str, alpn: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{leaf}.pem", self.folder / f"{leaf}.key")
        context.set_alpn_protocols(alpn.split())
        return context
