"""Doing a job: which function does it, and the marker that makes its completion durable.

Each function reads what earlier stages made, writes its shards and returns the marker; nothing is kept between jobs
but caches.
"""

import time
from collections.abc import Callable

from catena.flows.composed_rows import composed_drafts
from catena.flows.job import Job
from catena.flows.judging import certify_shard, find_duplicates, publish_shard
from catena.flows.making import compose_shard, list_families, lock_topics, parse_dataset, written_atoms
from catena.flows.publishing import publish_drafts
from catena.flows.puzzles_making import draw_puzzles, keep_distinct, publish_puzzles
from catena.flows.reviewing import reviewed_shard
from catena.flows.rows import dataset_drafts, derived_drafts, topic_drafts
from catena.flows.run_folder import Marker, write_marker
from catena.storage import Store

_FUNCTIONS = (
    lock_topics,
    parse_dataset,
    list_families,
    written_atoms,
    compose_shard,
    certify_shard,
    find_duplicates,
    publish_shard,
    topic_drafts,
    dataset_drafts,
    composed_drafts,
    derived_drafts,
    publish_drafts,
    reviewed_shard,
    draw_puzzles,
    keep_distinct,
    publish_puzzles,
)
WORK: dict[str, Callable[..., Marker]] = {function.__name__: function for function in _FUNCTIONS}
"""What `Job.work` can name."""


def perform(job: Job) -> Marker:
    """Does the work of `job` and makes its completion durable."""
    store = Store(job.url)
    start = time.perf_counter()
    marker = WORK[job.work](store, job, **job.given)
    marker.seconds = round(time.perf_counter() - start, 3)
    write_marker(store, job.marker, marker)
    return marker
