"""Runs what failed in a run again: "re-execute from failure" of the UI, as a program.

    python -m tests.rerun RUN_ID

Instance and configuration are those of the environment.
"""

from __future__ import annotations

import sys

import dagster as dg

# Dagster exports this for a job of our own, and not for the one that holds all assets.
from dagster._core.definitions.reconstruct import ReconstructableRepository


def rerun(run_id: str) -> bool:
    """Run it again, with the same partition; return whether it succeeded.

    Args:
        run_id: A run of ``dagster asset materialize`` that failed.
    """
    code = ReconstructableRepository.for_module("alt_backup_assets.definitions", "defs")
    with dg.DagsterInstance.get() as instance:
        failed = instance.get_run_by_id(run_id)
        assert failed is not None, f"there is no run {run_id}"
        result = dg.execute_job(
            code.get_reconstructable_job(failed.job_name),
            instance=instance,
            tags={"dagster/partition": failed.tags["dagster/partition"]},
            reexecution_options=dg.ReexecutionOptions.from_failure(run_id, instance),
        )
        return result.success


if __name__ == "__main__":
    sys.exit(0 if rerun(sys.argv[1]) else 1)
