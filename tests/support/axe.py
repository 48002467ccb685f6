"""Whether a page can be used by everybody, as far as axe (the npm package axe-core) can tell."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.support.need import require

AXE = Path(__file__).parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = "([within, rules]) => axe.run(within ?? document, rules ? { runOnly: rules } : {})"


async def violations(page: Page, within: str | None = None, rules: list[str] | None = None) -> list[str]:
    """What axe finds wrong, one line each. within: a selector of what is judged; rules: by which alone. The page
    must let scripts of a test run (`bypass_csp`)."""
    require(AXE.is_file(), "axe-core is not installed (npm ci in tests/js): no page is judged")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = await page.evaluate(RUN, [within, rules])
    assert result["passes"], "axe has judged nothing"
    return [f"{one['id']}: {node['html']}" for one in result["violations"] for node in one["nodes"]]
