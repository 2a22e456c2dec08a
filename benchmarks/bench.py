"""What every experiment is handed: the platform, where to work, how often, and whom to tell."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.platform import Platform, Say
from benchmarks.result import Experiment, Run, Sample
from benchmarks.sites import Place, Repositories


@dataclass(frozen=True)
class Bench:
    """A running benchmark.

    Attributes:
        platform: What is backed up.
        repositories: Makes empty repositories.
        root: Where contenders work.
        rounds: How often each one runs.
        say: Gets a line of progress.
    """

    platform: Platform
    repositories: Repositories
    root: Path
    rounds: int
    say: Say

    @contextmanager
    def place(self, name: str = "place") -> Iterator[Place]:
        """Hand out a place nobody has worked at; it is gone afterwards."""
        directory = self.root / name
        try:
            yield self.repositories.copy(directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def run(
        self,
        experiment: Experiment,
        contender: str,
        number: int,
        sample: Sample,
        volumes: int | None = None,
    ) -> Run:
        """Make a sample a run, and tell of it."""
        of = f" of {volumes}" if volumes else ""
        self.say(f"{experiment}{of}, round {number}: {contender} {sample.wall_seconds:.1f} s")
        return Run(
            experiment=experiment,
            contender=contender,
            round=number,
            sample=sample,
            volumes=volumes,
        )
