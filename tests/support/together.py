"""Several cases of one test at once: a browser test mostly waits, and the waiting can be shared."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Case = TypeVar("Case")


async def at_once(cases: Iterable[Case], trial: Callable[[Case], Awaitable[None]]) -> None:
    """Run the trial for every case to its end; the failures, each with a note that names its case."""
    cases = list(cases)
    ends = await asyncio.gather(*map(trial, cases), return_exceptions=True)
    failures = [_noted(end, case) for case, end in zip(cases, ends, strict=True) if isinstance(end, Exception)]
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(cases)} cases fail", failures)


def _noted(failure: Exception, case: object) -> Exception:
    failure.add_note(f"in the case: {case}")
    return failure
