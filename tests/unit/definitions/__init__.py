"""Tests of the Dagster layer, on fakes of the platform and of restic."""
