"""
The Lambda Runtime API (version 2018-06-01): a runtime gets the next invocation, and posts its response. There is one
server per execution environment, as on AWS.

@see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/2018-06-01/runtime/"
MAXIMUM_RESPONSE_BYTES = 6 * 1024 * 1024 + 100


@dataclass(frozen=True)
class Invocation:
    """One event for the function."""

    request_id: str
    payload: str
    deadline_ms: int
    """Milliseconds since 1970."""
    function_arn: str
    trace_id: str
    client_context: str | None = None
    """JSON that the client sent about itself."""


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation: the function's answer, or an error in Lambda's form."""

    body: bytes
    is_error: bool = False

    @classmethod
    def error(cls, error_type: str, message: str) -> "Outcome":
        return cls(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), is_error=True)


class Exchange:
    """Passes invocations from the executor to the runtime, and outcomes back. Any thread may call any method."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._is_ready = False
        self._init_error: Outcome | None = None
        self._waiting: Invocation | None = None
        self._current: str | None = None
        self._outcome: Outcome | None = None
        self._process = 0

    def reset(self) -> None:
        """Clears the state before a new runtime process starts, and ends the waits of the old one."""
        with self._changed:
            self._process += 1
            self._is_ready, self._init_error = False, None
            self._waiting, self._current, self._outcome = None, None, None
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the exchange, and with it all waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._closed

    # What the executor calls.

    def wait_until_ready(self, seconds: float) -> bool | Outcome:
        """
        :returns: True once the runtime has asked for an invocation, its error if it could not start, False if not yet
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_ready or self._init_error or self._closed, seconds)
            return self._init_error or self._is_ready

    def offer(self, invocation: Invocation) -> None:
        with self._changed:
            self._waiting, self._current, self._outcome = invocation, invocation.request_id, None
            self._changed.notify_all()

    def withdraw(self) -> bool:
        """
        Takes back the last invocation, unless the runtime has received it.

        :returns: whether it was taken back
        """
        with self._changed:
            was_waiting, self._waiting = self._waiting is not None, None
            return was_waiting

    def wait_for_outcome(self, seconds: float) -> Outcome | None:
        """
        :returns: the outcome of the last invocation, or None if there is none yet
        """
        with self._changed:
            self._changed.wait_for(lambda: self._outcome or self._closed, seconds)
            return self._outcome

    # What the runtime calls.

    def next(self) -> Invocation | None:
        """
        Waits for an invocation.

        :returns: None when there will be no more
        """
        with self._changed:
            process = self._process
            self._is_ready = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed or process != self._process)
            if self._closed or process != self._process:
                return None
            invocation, self._waiting = self._waiting, None
            return invocation

    def fail_to_start(self, body: bytes) -> None:
        with self._changed:
            self._init_error = Outcome(body, is_error=True)
            self._changed.notify_all()

    def finish(self, request_id: str, outcome: Outcome) -> None:
        """Sets the outcome, unless the invocation has been abandoned."""
        with self._changed:
            if request_id == self._current:
                self._outcome = outcome
                self._changed.notify_all()


class RuntimeApi:
    """Serves an exchange on a free port of 127.0.0.1."""

    def __init__(self, exchange: Exchange) -> None:
        self._server = _Server(exchange)
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="lambda-runtime-api", daemon=True
        ).start()

    @property
    def address(self) -> str:
        """Host and port, the value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.exchange = exchange


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for a whole response

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}invocation/next":
            return self._reply(404)
        invocation = self.server.exchange.next()
        if invocation is None:
            self.close_connection = True
            return self._reply(410)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        return self._reply(200, invocation.payload.encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.path.removeprefix(PREFIX).split("/"):
            case ["init", "error"]:
                self.server.exchange.fail_to_start(body)
            case ["invocation", request_id, "response"] if len(body) > MAXIMUM_RESPONSE_BYTES:
                message = (
                    f"Response payload size exceeded maximum allowed payload size ({MAXIMUM_RESPONSE_BYTES} bytes)."
                )
                self.server.exchange.finish(request_id, Outcome.error("Function.ResponseSizeTooLarge", message))
                return self._reply(413)
            case ["invocation", request_id, "response"]:
                self.server.exchange.finish(request_id, Outcome(body))
            case ["invocation", request_id, "error"]:
                self.server.exchange.finish(request_id, Outcome(body, is_error=True))
            case _:
                return self._reply(404)
        return self._reply(202, b'{"status":"OK"}')

    def _reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Logs nothing: the function has its own log."""
