"""The report: one line for each finding, a last sentence, an exit code; or all of it as JSON."""

import json
from dataclasses import asdict, dataclass

from app.tools.doctor.site import Finding, Site

HEALTHY, DEGRADED, BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Report:
    """`findings` are (check, finding) in the order of the checks."""

    url: str
    site: Site | None
    findings: list[tuple[str, Finding]]

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 something to mend, 2 no browser can talk there."""
        if self.site is None or not self.usable:
            return BROKEN
        return DEGRADED if any(one.verdict in ("warn", "bad") for _, one in self.findings) else HEALTHY

    @property
    def usable(self) -> list[str]:
        """The transports that work in a browser, of those that the operator allows."""
        return [transport for transport in self.site.offered if self.site.works.get(transport)] if self.site else []

    @property
    def host(self) -> str:
        return ", ".join(host.name for host in self.site.recognised) if self.site else ""

    def sentence(self) -> str:
        names = {"websocket": "WebSocket", "polling": "polling", "sse": "server-sent events"}
        *first, last = [names.get(transport, transport) for transport in self.usable] or [""]
        transports = " and ".join([", ".join(first), last] if first else [last])
        mends = sum(one.verdict in ("warn", "bad") for _, one in self.findings)
        behind = f" Behind {self.host}." if self.host else ""
        if self.exit_code == HEALTHY:
            return f"Healthy: people talk by {transports}.{behind}"
        if self.exit_code == DEGRADED:
            only = (
                f"{transports} only"
                if len(self.usable) == 1 and self.site and len(self.site.offered) > 1
                else transports
            )
            return f"Degraded: people talk by {only}; {mends} to mend.{behind}"
        return f"Broken: nobody can talk here; {mends} to mend.{behind}"

    def json(self) -> str:
        checks = [{"name": name} | asdict(finding) for name, finding in self.findings]
        told = {"url": self.url, "host": self.host, "checks": checks, "transports": self.usable}
        return json.dumps(
            told | {"summary": self.sentence(), "exit_code": self.exit_code}, indent=2, ensure_ascii=False
        )


def lines(name: str, finding: Finding) -> str:
    """The lines of one finding: what was seen, the verdict, cause, mend."""
    told = [f"{name:22} {finding.seen} [{finding.verdict}]"]
    told += [f"{'':22} {label}: {text}" for label, text in (("cause", finding.cause), ("mend", finding.mend)) if text]
    return "\n".join(told)
