"""Look up objects as they arrive in S3, MinIO or another store that tells of them.

    some-source-of-events | python s3_events.py

Reads event notifications of the S3 kind from standard input, one JSON document a line (a queue's consumer or a webhook
writes them), and writes one line for each object: bucket, key, outcome, id of the hit. Exit code 1: there were hits.
Address and credentials of the store are those of the environment (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID …).
"""

import json
import sys
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from urllib.parse import unquote_plus

from obstore.exceptions import BaseError
from obstore.store import S3Store

from node.sdk import Client, FileResult


def arrived(line: str) -> Iterator[tuple[str, str]]:
    """Bucket and key of each object that an event tells of; keys are encoded as in a form."""
    for record in json.loads(line).get("Records", []):
        if "ObjectCreated" in record["eventName"]:
            yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])


def look_up(sigfed: Client, store: S3Store, bucket: str, key: str) -> FileResult:
    """Read the object once, a piece at a time."""
    with NamedTemporaryFile() as copy:
        for chunk in store.get(key):
            copy.write(chunk)
        copy.flush()
        return sigfed.check_file(copy.name, name=f"s3://{bucket}/{key}")


def main() -> int:
    """How it went: 1 for hits, 3 where some could not be looked up."""
    worst, stores = 0, {}
    with Client() as sigfed:
        for bucket, key in (each for line in sys.stdin for each in arrived(line)):
            store = stores.setdefault(bucket, S3Store(bucket, client_options={"allow_http": True}))
            try:
                result = look_up(sigfed, store, bucket, key)
            except (BaseError, OSError) as error:
                print(f"{bucket} {key} unreadable {type(error).__name__}", flush=True)
                worst = worst or 3
                continue
            print(f"{bucket} {key} {result.outcome} {result.hit_id}".rstrip(), flush=True)
            worst = 1 if result.listed else worst or (0 if result.clean else 3)
    return worst


if __name__ == "__main__":
    sys.exit(main())
