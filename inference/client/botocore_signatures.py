"""The signatures that botocore, AWS's own library, gives requests. Reads a JSON list of requests and prints one of signatures."""

import base64
import json
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def signature(request: dict) -> str:
    body = base64.b64decode(request["body"])
    headers = request["headers"]
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    asked = AWSRequest(request["method"], request["url"], {name: headers[name] for name in signed if name in headers}, body)
    asked.context["timestamp"] = headers["x-amz-date"]
    keys = Credentials(request["accessKeyId"], request["secretAccessKey"], request.get("sessionToken"))
    auth = SigV4Auth(keys, "execute-api", request["region"])
    text = auth.string_to_sign(asked, auth.canonical_request(asked))
    names = auth.signed_headers(auth.headers_to_sign(asked))
    return (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(asked)}, SignedHeaders={names}, Signature={auth.signature(text, asked)}"
    )


print(json.dumps([signature(each) for each in json.load(sys.stdin)]))
