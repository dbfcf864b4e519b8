"""Copying many images from one repository to another, with a plan."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Literal

import attrs

from ecr_client.exceptions import AmazonClientException, RepositoryNotFoundException
from ecr_client.images.arguments import (
    check_count,
    check_flags,
    check_time,
    checked_patterns,
)
from ecr_client.images.copy import copy_image
from ecr_client.images.references import locate
from ecr_client.images.repository_target import with_hint
from ecr_client.images.selectors import newest_first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from datetime import datetime

    from ecr_client import ECRClient
    from ecr_client.images.transfer import TransferResult
    from ecr_client.models import ImageDetail

#: What a plan does with a tag.
Action = Literal["copy", "skip"]


@attrs.frozen(kw_only=True)
class PlannedTag:
    """A tag of the source, and what a plan does with it.

    Attributes:
        tag: The tag.
        digest: The digest of its image in the source.
        action: ``copy`` or ``skip``.
        reason: Why the tag is copied or skipped.
    """

    tag: str
    digest: str
    action: Action
    reason: str

    def __str__(self) -> str:
        return f"{self.action} {self.tag} ({self.digest}): {self.reason}"


@attrs.frozen(kw_only=True)
class SyncFailure:
    """An image that could not be copied.

    Attributes:
        tags: Its tags.
        digest: Its digest.
        error: The error of the copy.
    """

    tags: tuple[str, ...]
    digest: str
    error: AmazonClientException | OSError | ValueError


@attrs.frozen(kw_only=True)
class SyncResult:
    """What a synchronization did.

    Attributes:
        copied: The result for each image that was copied.
        failures: The failure of each image that could not be copied.
    """

    copied: tuple[TransferResult, ...]
    failures: tuple[SyncFailure, ...] = ()

    def raise_for_failures(self) -> SyncResult:
        """Return this result, or raise the error of the first image that could not be copied."""
        if self.failures:
            raise self.failures[0].error
        return self


@attrs.frozen(kw_only=True)
class CopyTask:
    """The copy of one image; it can be pickled, to run in other processes and on other machines.

    Attributes:
        source_client: Calls the service where the image is.
        source: The image, by its digest.
        target_client: Calls the service at the target.
        target: The repository to copy to.
        tags: The tags that the image gets.
        options: Further arguments of ``copy_image``.
    """

    source_client: ECRClient = attrs.field(repr=False)
    source: str
    target_client: ECRClient = attrs.field(repr=False)
    target: str
    tags: tuple[str, ...]
    options: dict[str, object] = attrs.field(factory=dict, hash=False)

    def run(self, cancel: threading.Event | None = None) -> TransferResult:
        """Copy the image and return what was copied.

        Args:
            cancel: Ends the copy with a `TransferCancelledException` once it is set.
        """
        return copy_image(
            self.source_client,
            self.source,
            self.target_client,
            self.target,
            tags=self.tags,
            cancel=cancel,
            **self.options,  # type: ignore[arg-type]
        )


@attrs.frozen(kw_only=True)
class SyncPlan:
    """What a synchronization would do; as a string, one line for each tag.

    Attributes:
        source: The repository that images come from.
        target: The repository that they go to.
        tags: All tags of the source that were considered, the newest image first.
        tasks: What has to be copied, one for each image.
    """

    source: str
    target: str
    tags: tuple[PlannedTag, ...]
    tasks: tuple[CopyTask, ...] = attrs.field(repr=False)

    def execute(self, executor: Executor | None = None) -> SyncResult:
        """Copy what has to be copied and return what was done.

        An image that fails does not keep the others from being copied. An interrupt, such as
        Ctrl-C, cancels those that have not begun and, without an executor, the others as well.

        Args:
            executor: Runs `CopyTask.run` for each image: a pool of threads or processes, or an
                executor of Dask. ``None`` uses 4 threads.
        """
        _check_executor(executor)
        if executor is not None:
            return self._execute(executor, CopyTask.run)
        cancel = threading.Event()
        with ThreadPoolExecutor(4, "ecr-client-sync") as pool:
            try:
                return self._execute(pool, partial(CopyTask.run, cancel=cancel))
            except BaseException:
                cancel.set()
                raise

    def _execute(self, executor: Executor, run: Callable[[CopyTask], TransferResult]) -> SyncResult:
        copied: list[TransferResult] = []
        failures: list[SyncFailure] = []
        futures: list[Future[TransferResult]] = []
        try:
            for task in self.tasks:
                futures.append(executor.submit(run, task))
            for task, future in zip(self.tasks, futures, strict=True):
                try:
                    copied.append(future.result())
                except (AmazonClientException, OSError, ValueError) as error:
                    digest = task.source.partition("@")[2]
                    failures.append(SyncFailure(tags=task.tags, digest=digest, error=error))
        finally:
            for future in futures:
                future.cancel()
        return SyncResult(copied=tuple(copied), failures=tuple(failures))

    def __str__(self) -> str:
        heading = f"{self.source} -> {self.target}: copy {len(self.tasks)} images"
        return "\n".join([heading, *(f"  {each}" for each in self.tags)])


def plan_sync(
    source_client: ECRClient,
    source: str,
    target_client: ECRClient,
    target: str,
    *,
    tags: str | Sequence[str] = "*",
    newest: int | None = None,
    since: datetime | None = None,
    referrers: bool = False,
    create: bool = False,
    concurrency: int = 2,
) -> SyncPlan:
    """Return which tags of a repository have to be copied to another one; nothing is written.

    A tag has to be copied if the target does not have it, or has it on another image.

    Args:
        source_client: Calls the service where the images are.
        source: The repository that they come from.
        target_client: Calls the service where they go to.
        target: The repository that they go to.
        tags: Only tags that match this pattern, or one of these, as in a shell: ``release-*``.
        newest: Only this many of the images that were pushed last; ``None`` for all.
        since: Only images that were pushed at this time or later, with a time zone.
        referrers: Whether signatures, SBOMs and the like are copied as well.
        create: Whether to create the target if it does not exist.
        concurrency: How many layers of one image are moved at the same time.

    Raises:
        RepositoryNotFoundException: A repository does not exist.
        ValueError: An argument is invalid.
        AmazonClientException: A call failed.
    """
    patterns = checked_patterns(tags)
    check_count("concurrency", concurrency)
    if newest is not None:
        check_count("newest", newest)
    check_time("since", since)
    check_flags(referrers=referrers, create=create)
    here = locate(source_client, source, "source", "source_client")
    there = locate(target_client, target, "target", "target_client")
    for place, text in ((here, source), (there, target)):
        if place.tag is not None or place.digest is not None:
            raise ValueError(f"a repository must not name an image, got {text!r}")
    images = [
        image
        for image in newest_first(here.images())
        if any(_matching(image, patterns)) and _is_since(image, since)
    ][:newest]
    try:
        existing = {tag: image.image_digest for image in there.images() for tag in image.image_tags}
    except RepositoryNotFoundException as error:
        if not create:
            raise with_hint(error, there.repository) from None
        existing = {}
    planned = [
        _planned(tag, image.image_digest, existing)
        for image in images
        for tag in _matching(image, patterns)
    ]
    options: dict[str, object] = {"referrers": referrers, "create": create}
    options["concurrency"] = concurrency
    wanted: dict[str, list[str]] = {}
    for each in planned:
        if each.action == "copy":
            wanted.setdefault(each.digest, []).append(each.tag)
    return SyncPlan(
        source=source,
        target=target,
        tags=tuple(planned),
        tasks=tuple(
            CopyTask(
                source_client=source_client,
                source=f"{source}@{digest}",
                target_client=target_client,
                target=target,
                tags=tuple(names),
                options=options,
            )
            for digest, names in wanted.items()
        ),
    )


def sync(
    source_client: ECRClient,
    source: str,
    target_client: ECRClient,
    target: str,
    *,
    tags: str | Sequence[str] = "*",
    newest: int | None = None,
    since: datetime | None = None,
    referrers: bool = False,
    create: bool = False,
    concurrency: int = 2,
    executor: Executor | None = None,
) -> SyncResult:
    """Copy the tags that another repository lacks; see `plan_sync` for the arguments.

    Args:
        source_client: Calls the service where the images are.
        source: The repository that they come from.
        target_client: Calls the service where they go to.
        target: The repository that they go to.
        tags: Only tags that match a pattern.
        newest: Only this many of the images that were pushed last.
        since: Only images that were pushed at this time or later.
        referrers: Whether signatures and the like are copied as well.
        create: Whether to create the target.
        concurrency: How many layers of one image are moved at the same time.
        executor: Runs the copies; ``None`` uses 4 threads.

    Raises:
        RepositoryNotFoundException: A repository does not exist.
        ValueError: An argument is invalid.
        AmazonClientException: A call of the plan failed; failed copies are in the result.
    """
    _check_executor(executor)
    plan = plan_sync(
        source_client,
        source,
        target_client,
        target,
        tags=tags,
        newest=newest,
        since=since,
        referrers=referrers,
        create=create,
        concurrency=concurrency,
    )
    return plan.execute(executor)


def _check_executor(executor: object) -> None:
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ValueError(f"executor must be an Executor or None, got {executor!r}")


def _matching(image: ImageDetail, patterns: Sequence[str]) -> list[str]:
    return [
        tag for tag in image.image_tags if any(fnmatchcase(tag, pattern) for pattern in patterns)
    ]


def _is_since(image: ImageDetail, since: datetime | None) -> bool:
    return since is None or image.image_pushed_at >= since


def _planned(tag: str, digest: str, existing: Mapping[str, str | None]) -> PlannedTag:
    found = existing.get(tag)
    if found == digest:
        return PlannedTag(tag=tag, digest=digest, action="skip", reason="the target has it")
    reason = "the target lacks it" if found is None else f"the target has {found}"
    return PlannedTag(tag=tag, digest=digest, action="copy", reason=reason)
