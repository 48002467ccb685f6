"""The writer's thread: one thing after the other, and nothing that is handed over is forgotten."""

import threading

import pytest

from app.store.worker import Worker


def test_it_does_what_it_is_handed_in_that_order_in_a_thread_of_its_own() -> None:
    worker, done, threads = Worker("test"), list[int](), set[int]()
    for nth in range(100):
        worker.hand(lambda nth: (done.append(nth), threads.add(threading.get_ident())), nth)
    worker.finish()
    assert done == list(range(100))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_who_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    worker, done = Worker("test"), list[int]()
    worker.hand(lambda: 1 / 0)
    worker.hand(done.append, 1)
    worker.finish()
    assert done == [1]
    assert "the worker test failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_one_that_was_handed_nothing_is_finished_at_once() -> None:
    Worker("test").finish()


def test_what_was_done_is_not_kept() -> None:
    class Heavy:
        gone = threading.Event()

        def __del__(self) -> None:
            self.gone.set()

    worker = Worker("test")
    worker.hand(lambda _heavy: None, Heavy())
    assert Heavy.gone.wait(10)
    worker.finish()
