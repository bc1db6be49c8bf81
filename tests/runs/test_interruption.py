"""A signal becomes a request, honoured at the next safe point."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from lossatlas import interruption
from lossatlas.interruption import Interrupted, deferred, raise_if_requested, requested

BOTH = [signal.SIGINT, signal.SIGTERM]
each_signal = pytest.mark.parametrize("number", BOTH)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """As a process has them at its start, and afterwards as before."""
    before = {number: signal.getsignal(number) for number in BOTH}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    interruption._requested.clear()
    interruption._handlers.clear()


def send(number: signal.Signals) -> None:
    assert signal.getsignal(number) is not signal.SIG_DFL, (
        "nothing has taken the signal: it would end the tests"
    )
    os.kill(os.getpid(), number)


@each_signal
def test_a_signal_is_a_request_inside_the_block(number: signal.Signals) -> None:
    @deferred()
    def work() -> None:
        assert not requested()
        raise_if_requested("not reached")
        send(number)
        assert requested()
        raise_if_requested("stopped after 3 points")

    with pytest.raises(Interrupted, match=r"^stopped after 3 points$"):
        work()


@each_signal
def test_a_request_that_nothing_has_honoured_is_honoured_at_the_end(number: signal.Signals) -> None:
    reached = []

    @deferred()
    def work() -> None:
        send(number)
        reached.append("the end")

    with pytest.raises(Interrupted, match=r"^stopped as asked; what was finished is kept$"):
        work()
    assert reached == ["the end"]


def test_the_first_ctrl_c_requests_and_the_second_interrupts_at_once() -> None:
    reached = []

    @deferred()
    def work() -> None:
        send(signal.SIGINT)
        reached.append("after the first")
        send(signal.SIGINT)
        reached.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["after the first"]


def test_a_second_sigterm_is_no_more_than_the_first() -> None:
    @deferred()
    def work() -> None:
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        raise_if_requested("here")

    with pytest.raises(Interrupted, match=r"^here$"):
        work()


@pytest.mark.parametrize("error", [None, Interrupted, KeyError])
def test_after_the_block_everything_is_as_before(error: type[Exception] | None) -> None:
    @deferred()
    def work() -> None:
        if error is not None:
            send(signal.SIGTERM)
            raise error("reason")

    if error is None:
        work()
    else:  # and the request does not hide it
        with pytest.raises(error, match="reason"):
            work()
    assert not requested()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_inner_block_leaves_the_request_to_the_outer_one() -> None:
    @deferred()
    def work() -> None:
        with deferred():
            send(signal.SIGTERM)
        assert requested()
        raise_if_requested("outer")

    with pytest.raises(Interrupted, match=r"^outer$"):
        work()


def test_sigterm_is_deferred_also_where_a_script_has_its_jobs_ignore_ctrl_c() -> None:
    """As a shell without job control does for what it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    @deferred()
    def work() -> None:
        send(signal.SIGINT)
        assert not requested()
        send(signal.SIGTERM)
        raise_if_requested("here")

    with pytest.raises(Interrupted, match=r"^here$"):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_the_handlers_of_somebody_else_stay() -> None:
    calls: list[int] = []

    def handler(number: int, _: object) -> None:
        calls.append(number)

    for number in BOTH:
        signal.signal(number, handler)
    with deferred():
        interruption.reclaim()
        for number in BOTH:
            send(number)
        assert not requested()
    assert calls == BOTH


@each_signal
def test_signals_that_a_library_takes_inside_the_block_can_be_had_back(number: signal.Signals) -> None:
    def no_handler(*_: object) -> None:
        raise AssertionError("the library's handler was called")

    @deferred()
    def work() -> None:
        signal.signal(number, no_handler)
        interruption.reclaim()
        send(number)
        raise_if_requested("here")

    with pytest.raises(Interrupted, match=r"^here$"):
        work()
    interruption.reclaim()
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def test_a_worker_keeps_a_request_for_the_rest_of_its_life_and_ignores_further_ones() -> None:
    interruption.install()
    with deferred():
        send(signal.SIGINT)
        send(signal.SIGINT)
    assert requested()
    with pytest.raises(Interrupted, match=r"^next job$"):
        raise_if_requested("next job")


def test_outside_the_main_thread_the_block_changes_nothing() -> None:
    seen: list[object] = []

    def work() -> None:
        with deferred():
            interruption.reclaim()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
