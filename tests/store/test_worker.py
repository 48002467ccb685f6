"""The writer's thread: one thing after the other, and nothing that was submitted is forgotten."""

import threading

import pytest

from app.store.worker import Worker


def test_it_runs_what_was_submitted_in_that_order_in_a_thread_of_its_own() -> None:
    worker, done, threads = Worker("test"), list[int](), set[int]()
    for nth in range(100):
        worker.submit(lambda nth: (done.append(nth), threads.add(threading.get_ident())), nth)
    worker.finish()
    assert done == list(range(100))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_who_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    worker, done = Worker("test"), list[int]()
    worker.submit(lambda: 1 / 0)
    worker.submit(done.append, 1)
    worker.finish()
    assert done == [1]
    assert "the worker test failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_worker_without_work_is_finished_at_once() -> None:
    Worker("test").finish()


def test_what_was_done_is_not_kept() -> None:
    class Heavy:
        gone = threading.Event()

        def __del__(self) -> None:
            self.gone.set()

    worker = Worker("test")
    worker.submit(lambda _heavy: None, Heavy())
    assert Heavy.gone.wait(10)
    worker.finish()
