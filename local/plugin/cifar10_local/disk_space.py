"""Names a full disk. By default LocalStack closes the connection, or answers with an error that clients repeat."""

import errno
import json
import logging
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from localstack.aws.api import CommonServiceException
from localstack.aws.handlers.service import ServiceExceptionSerializer
from rolo.serving.twisted import TwistedRequestAdapter
from twisted.web.server import NOT_DONE_YET

from .settings import settings

LOG = logging.getLogger(__name__)
STATUS = 507
"""Insufficient Storage. SDKs do not repeat a request for it, as they would for 500 and 503."""
CODE = "InsufficientStorage"


def disk_problem(error: BaseException | None) -> str | None:
    """
    :returns: what to tell the client, if a full disk, a quota or a limit to the size of files caused the error
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return (
                f"LocalStack could not write to {error.filename or settings().folder}: {error.strerror}. "
                "Make room, then run the same command again."
            )
        error = error.__cause__ or error.__context__
    return None


def name_full_disks() -> None:
    """Answers of every service to requests that could not be carried out because the disk is full."""
    default = ServiceExceptionSerializer.create_exception_response

    def create_exception_response(self: ServiceExceptionSerializer, exception: Exception, context: Any) -> Any:
        if problem := disk_problem(exception):
            LOG.error("%s", problem)
            exception = CommonServiceException(CODE, problem, status_code=STATUS)
        return default(self, exception, context)

    ServiceExceptionSerializer.create_exception_response = create_exception_response


class SpooledRequest(TwistedRequestAdapter):
    """A request whose body, if it is larger than 100 kB, is first written to a file."""

    _problem: str | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        try:
            super().gotLength(length)
        except OSError as error:
            self._fail(error)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if self._problem is not None:
            return
        try:
            super().handleContentChunk(data)
        except OSError as error:
            self._fail(error)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if self._problem is None:
            try:
                self.content.flush()
            except OSError as error:
                self._fail(error)
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        if self._problem is None:
            return super().process()
        is_s3 = b"/s3/" in (self.requestHeaders.getRawHeaders(b"authorization") or [b""])[0]
        if is_s3:
            body = f"<Error><Code>{CODE}</Code><Message>{escape(self._problem)}</Message></Error>"
        else:
            body = json.dumps({"__type": CODE, "message": self._problem})
        self.setResponseCode(STATUS)
        self.setHeader(b"content-type", b"application/xml" if is_s3 else b"application/json")
        self.setHeader(b"x-amzn-errortype", CODE.encode())
        self.setHeader(b"content-length", str(len(body.encode())).encode())
        self.write(body.encode())
        self.finish()
        return NOT_DONE_YET

    def _fail(self, error: OSError) -> None:
        """Reads the rest of the body, since most clients read no answer before they have sent it."""
        self._problem = disk_problem(error)
        if self._problem is None:
            raise error
        LOG.error("%s", self._problem)
        self.content = BytesIO()
