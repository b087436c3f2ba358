import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from .runtime_api import MAXIMUM_RESPONSE_BYTES, Exchange, Invocation, Outcome, RuntimeApi

INVOCATION = Invocation("request-1", '{"é": 1}', 1_700_000_000_000, "arn:aws:lambda:::function:f", "Root=1")


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def api(exchange: Exchange) -> Iterator[RuntimeApi]:
    api = RuntimeApi(exchange)
    yield api
    exchange.close()
    api.close()


def call(api: RuntimeApi, route: str, body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(f"http://{api.address}/2018-06-01/runtime/{route}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_an_invocation_reaches_the_runtime_and_its_response_comes_back(exchange: Exchange, api: RuntimeApi) -> None:
    exchange.offer(INVOCATION)
    status, body, headers = call(api, "invocation/next")
    assert (status, json.loads(body)) == (200, {"é": 1})
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "request-1"
    assert headers["Lambda-Runtime-Deadline-Ms"] == "1700000000000"
    assert exchange.wait_for_outcome(0) is None
    assert call(api, "invocation/request-1/response", b"[1]")[0] == 202
    assert exchange.wait_for_outcome(0) == Outcome(b"[1]")


def test_a_runtime_is_ready_when_it_asks_for_an_invocation_and_waits_for_one(
    exchange: Exchange, api: RuntimeApi
) -> None:
    assert exchange.wait_until_ready(0) is False
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(call(api, "invocation/next")[0]))
    asking.start()
    assert exchange.wait_until_ready(10) is True
    assert answers == []
    exchange.offer(INVOCATION)
    asking.join(10)
    assert answers == [200]


def test_an_error_of_the_handler_is_an_error(exchange: Exchange, api: RuntimeApi) -> None:
    exchange.offer(INVOCATION)
    call(api, "invocation/request-1/error", b'{"errorType": "TypeError"}')
    assert exchange.wait_for_outcome(0) == Outcome(b'{"errorType": "TypeError"}', is_error=True)


def test_a_late_response_does_not_answer_the_next_invocation(exchange: Exchange, api: RuntimeApi) -> None:
    exchange.offer(INVOCATION)
    assert call(api, "invocation/request-0/response", b'"late"')[0] == 202
    assert exchange.wait_for_outcome(0) is None


def test_a_response_beyond_lambdas_limit_is_refused(exchange: Exchange, api: RuntimeApi) -> None:
    exchange.offer(INVOCATION)
    assert call(api, "invocation/request-1/response", b"x" * (MAXIMUM_RESPONSE_BYTES + 1))[0] == 413
    outcome = exchange.wait_for_outcome(0)
    assert outcome is not None
    assert outcome.is_error
    assert json.loads(outcome.body)["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_runtime_reports_that_it_cannot_load_its_handler(exchange: Exchange, api: RuntimeApi) -> None:
    call(api, "init/error", b'{"errorType": "Runtime.ImportModuleError"}')
    assert exchange.wait_until_ready(0) == Outcome(b'{"errorType": "Runtime.ImportModuleError"}', is_error=True)


def test_closing_ends_the_wait_of_a_runtime(exchange: Exchange, api: RuntimeApi) -> None:
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(call(api, "invocation/next")[0]))
    asking.start()
    assert exchange.wait_until_ready(10) is True
    exchange.close()
    asking.join(10)
    assert answers == [410]


def test_an_invocation_can_be_withdrawn_until_the_runtime_has_received_it(exchange: Exchange, api: RuntimeApi) -> None:
    exchange.offer(INVOCATION)
    assert exchange.withdraw() is True
    exchange.offer(INVOCATION)
    call(api, "invocation/next")
    assert exchange.withdraw() is False


def test_a_new_process_gets_the_invocation_although_the_old_one_still_waits(
    exchange: Exchange, api: RuntimeApi
) -> None:
    answers: list[int] = []
    old = threading.Thread(target=lambda: answers.append(call(api, "invocation/next")[0]))
    old.start()
    assert exchange.wait_until_ready(10) is True
    exchange.reset()
    old.join(10)
    assert answers == [410]
    assert exchange.wait_until_ready(0) is False
    exchange.offer(INVOCATION)
    assert call(api, "invocation/next")[0] == 200


def test_unknown_routes_are_not_found(api: RuntimeApi) -> None:
    assert call(api, "invocation/other")[0] == 404
    assert call(api, "invocation/request-1", b"")[0] == 404
