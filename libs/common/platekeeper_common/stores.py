"""Where objects and keys lie: a folder, or a bucket of an S3 service by its URL; the same promises of both.

Endpoint, region and credentials of a bucket are the usual variables: `AWS_ENDPOINT_URL`, `AWS_REGION`,
`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` or a role of the cluster; `AWS_ALLOW_HTTP=true` for a service without
TLS.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.settings import SettingsError

SECONDS = 5.0
THREADS = 32
BYTES_A_SECOND = 4_000_000
"""What a slow line carries: a large object has so much more time."""
LARGEST = 128 * 1024 * 1024
"""What one request may carry on such a line: a package that release sends."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*))?/?")
_T = TypeVar("_T")

if TYPE_CHECKING:  # obstore has it for types alone
    from obstore import GetResult


class Store:
    """Bytes by path, written once and never over."""

    def __init__(
        self, what: str, store: LocalStore | S3Store, *, seconds: float, settle: Callable[[str], None] | None = None
    ) -> None:
        """`what` names it in errors; `settle` makes the object at a path survive a power cut."""
        self._what = what
        self._store = store
        self._seconds = seconds
        self._settle = settle
        # obstore's own event loop aborts an interpreter that ends just after a call, so its calls run in threads; ours,
        # because a store that is away must not keep others from theirs.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=what.replace(" ", "-"))

    async def create(self, path: str, data: bytes) -> bool:
        """Keep `data` durably; False when something is there already: of all writers the first wins.

        Raises Unavailable; then it may be there all the same.
        """

        def put() -> bool:
            created = True
            try:
                obstore.put(self._store, path, data, mode="create")
            except AlreadyExistsError:
                created = False
            if self._settle is not None:
                self._settle(path)
            return created

        return await self._answer(put, self._seconds + len(data) / BYTES_A_SECOND)

    async def read(self, path: str) -> bytes | None:
        """What lies there, None when nothing does. Raises Unavailable."""

        def get() -> "GetResult | None":
            try:
                return obstore.get(self._store, path)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise OSError("no such bucket") from error
                return None

        found = await self._answer(get, self._seconds)
        if found is None:
            return None
        return await self._answer(lambda: bytes(found.bytes()), self._seconds + found.meta["size"] / BYTES_A_SECOND)

    async def names(self, folder: str) -> list[str]:
        """The last parts of the paths in `folder`, sorted, without those in folders below. Raises Unavailable."""

        def find() -> list[str]:
            found = obstore.list_with_delimiter(self._store, folder)["objects"]
            return sorted(one["path"].rpartition("/")[2] for one in found)

        return await self._answer(find, self._seconds)

    async def one_in(self, folder: str) -> str | None:
        """The path of some object in `folder` or below, None when there is none. Raises Unavailable."""

        def find() -> str | None:
            some = next(iter(obstore.list(self._store, folder, chunk_size=1)), [])
            return next((one["path"] for one in some), None)

        return await self._answer(find, self._seconds)

    async def folders(self, folder: str = "") -> list[str]:
        """The names of the folders in `folder`, sorted. Raises Unavailable."""

        def find() -> list[str]:
            found = obstore.list_with_delimiter(self._store, folder or None)["common_prefixes"]
            return sorted(one.rstrip("/").rpartition("/")[2] for one in found)

        return await self._answer(find, self._seconds)

    async def remove(self, path: str) -> None:
        """Take away what lies there, durably; nothing there is as well. Raises Unavailable: it may be there still."""

        def take_away() -> None:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, path)
            if self._settle is not None:
                self._settle(path)

        await self._answer(take_away, self._seconds)

    async def _answer(self, call: Callable[[], _T], seconds: float) -> _T:
        """What `call` answers in a thread, within so many seconds: the thread may be busy for a while after that."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (BaseError, OSError, TimeoutError) as error:
            raise Unavailable(f"{self._what}: {type(error).__name__}") from error


def folder(what: str, place: Path) -> Store:
    """The store in a folder, made when absent."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Store(what, LocalStore(place, mkdir=True), seconds=60, settle=lambda path: _sync(place / path))


def bucket(what: str, url: str, *, variable: str, seconds: float = SECONDS) -> Store:
    """The store in a bucket, reached within `seconds` or Unavailable. It is not asked before its first use.

    Raises SettingsError naming `variable` for a URL of another form, or what obstore does not take.
    """
    name, prefix = parts(url, variable=variable)
    plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "on", "yes")
    endpoint = next((os.environ[one] for one in ENDPOINTS if os.environ.get(one)), "https://")
    if not endpoint.startswith("https://") and not (plain and endpoint.startswith("http://")):
        raise SettingsError(f"{variable}: {endpoint} is no https:// endpoint; AWS_ALLOW_HTTP=true allows http://")
    try:
        store = S3Store(
            name,
            prefix=prefix,
            client_options={
                "allow_http": plain,
                "connect_timeout": timedelta(seconds=seconds / 2),
                "timeout": timedelta(seconds=seconds + LARGEST / BYTES_A_SECOND),
            },
            retry_config={
                "max_retries": 3,
                "retry_timeout": timedelta(seconds=seconds / 2),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=50),
                    "max_backoff": timedelta(seconds=seconds / 8),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError) as error:
        raise SettingsError(f"{variable}: the AWS_* variables cannot be used: {error}") from error
    return Store(what, store, seconds=seconds)


def parts(url: str, *, variable: str) -> tuple[str, str | None]:
    """Bucket and prefix of `s3://BUCKET[/PREFIX]`. Raises SettingsError naming `variable` for any other URL."""
    found = _URL.fullmatch(url)
    if found is None:
        raise SettingsError(f"{variable}: must be s3://BUCKET or s3://BUCKET/PREFIX")
    return found[1], found[2]


def _sync(path: Path) -> None:
    """The store writes by rename and does not sync: make the file, or its absence, survive a power cut."""
    for place in filter(Path.exists, (path, path.parent)):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
