"""What a test cannot do without: a browser, Node. Missing ones are said loudly, and fail where all must run."""

import os
import shutil
from collections.abc import Iterable

import pytest


def require(condition: object, why: str) -> None:
    """Skip with a reason where the condition is not met; with REQUIRE_ALL=1 in the environment, fail."""
    if condition:
        return
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but {why}")
    pytest.skip(why)


def program(names: Iterable[str], why: str, variable: str = "") -> str:
    """The path of the first of these programs that is installed here, or what the environment's `variable` names;
    `why` says what cannot be tested without."""
    if named := os.environ.get(variable):
        assert shutil.which(named), f"{variable}={named} is not a program"
        return named
    found = next(filter(None, map(shutil.which, names)), None)
    require(found, f"none of {', '.join(names)} is installed: {why}")
    return str(found)
