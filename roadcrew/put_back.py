"""How jobs come back into the queue: those of workers that died, and those that a stopped worker has not ended."""

PUT_BACK = """
    WITH dead AS (
        DELETE FROM procrastinate_jobs job WHERE job.status = 'doing' AND NOT EXISTS (
            SELECT FROM procrastinate_workers worker
            WHERE worker.id = job.worker_id AND worker.last_heartbeat >= now() - make_interval(secs => %(seconds)s))
        RETURNING job.*
    )
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts)
    SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts + 1 FROM dead ORDER BY id
    RETURNING id, args
"""
"""Puts the jobs of silent workers back, each as a job of its own.

One that was taken for dead and lives, such as that of a machine that slept, ends its job under the old number: the
queue's library asks for no more than that, and would end the job of whoever took over.
"""

LEAVE = """
    WITH mine AS (DELETE FROM procrastinate_jobs WHERE id = %(id)s AND status = 'doing' RETURNING *),
    turns AS (UPDATE turn SET epoch = epoch + 1
        WHERE status = 'running' AND id IN (SELECT (args->>'turn')::bigint FROM mine)),
    threads AS (UPDATE thread SET epoch = epoch + 1 WHERE id IN (SELECT args->>'thread' FROM mine))
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts)
    SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts FROM mine RETURNING id
"""
"""Puts one job of a worker that stops back, and takes its lease from whoever still does it; this was no try."""
