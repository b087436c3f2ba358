"""
Writes every change of the model bucket to the clone's store before it is answered, so that no end of LocalStack,
however sudden, loses what a client was told. The store has the bucket's layout; local/mirror.ts restores from it.
"""

from collections.abc import Callable
from typing import IO, Any, cast

from localstack.services.cloudformation.stores import get_cloudformation_store
from localstack.services.s3.models import S3Bucket, S3DeleteMarker
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from .folder import StoreFolder, is_key

PREFIXES = ("aliases/", "batches/", "models/", "plans/", "runs/")
"""What is kept. Data sets are not: they are cached elsewhere."""

STACK = "Cifar10"
"""The stack of cli/stack/target.ts. Its output names the model bucket; other buckets of this instance are not kept."""


def keep_model_bucket(objects: EphemeralS3ObjectStore, folder: StoreFolder) -> None:
    """From now on the keys of every new bucket are `KeptKeys`."""

    def get(bucket: S3Bucket) -> Any:
        return bucket.__dict__["objects"]

    def replace(bucket: S3Bucket, keys: Any) -> None:
        bucket.__dict__["objects"] = KeptKeys(keys, bucket, objects, folder)

    # S3 replaces a bucket's keys when it turns versioning on.
    S3Bucket.objects = property(get, replace)


class KeptKeys:
    """
    The keys of a bucket, in LocalStack's interface. Where the bucket is the model bucket, an object is set here only
    when the folder has it. So the order is the same in both: the files of a version are there before its manifest.
    """

    def __init__(self, keys: Any, bucket: S3Bucket, objects: EphemeralS3ObjectStore, folder: StoreFolder) -> None:
        self._keys, self._bucket, self._objects, self._folder = keys, bucket, objects, folder
        self._stack: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keys, name)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def set(self, object_key: str, s3_object: Any) -> None:
        def proceed() -> None:
            self._keys.set(object_key, s3_object)

        if not self._is_kept(object_key):
            proceed()
        elif isinstance(s3_object, S3DeleteMarker):
            with self._folder.holding(object_key):
                self._folder.remove(object_key)
                proceed()
        else:
            self._replace(object_key, s3_object, proceed)

    def pop(self, object_key: str, *arguments: Any, **named: Any) -> Any:
        """Removes an object or, in a bucket with versions, one of them; then an earlier one may be the current one."""
        popped = self._keys.pop(object_key, *arguments, **named)
        if self._is_kept(object_key):
            current = self._keys.get(object_key)
            if current is None or isinstance(current, S3DeleteMarker):
                with self._folder.holding(object_key):
                    self._folder.remove(object_key)
            else:
                self._replace(object_key, current, lambda: None)
        return popped

    def _replace(self, key: str, s3_object: Any, proceed: Callable[[], None]) -> None:
        # S3 holds the object's lock; reading the file itself does not take it again.
        file = self._objects._get_object_file(self._bucket.name, self._objects._key_from_s3_object(s3_object))
        content = cast(IO[bytes], file)
        with file.position_lock:
            content.seek(0)
            # What was restored from the folder is there already.
            if self._folder.has(key, content):
                proceed()
                return
            content.seek(0)
            with self._folder.replacing(key, content):
                proceed()

    def _is_kept(self, key: str) -> bool:
        return key.startswith(PREFIXES) and is_key(key) and self._is_model_bucket()

    def _is_model_bucket(self) -> bool:
        stacks = get_cloudformation_store(self._bucket.bucket_account_id, self._bucket.bucket_region).stacks_v2
        for stack in list(stacks.values()):
            if stack.stack_name == STACK and stack.is_active():
                names = [each["OutputValue"] for each in stack.resolved_outputs if each["OutputKey"] == "BucketName"]
                # While an update fails, a stack may be without outputs: the bucket stays what it was.
                if names:
                    self._stack = stack if self._bucket.name in names else None
        return self._stack is not None and self._stack.is_active()
