"""Asks those who are to receive signals what they have received.

Sources: Prometheus, "HTTP API", instant queries; healthchecks.io, "Management API", list of a
check's pings, which only a full API key may read. Keep out: what it means.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ValidationError

from alt_backup_assets.config.signals import Pings, PingService
from alt_backup_assets.errors import ConfigurationError, ToolFailed
from alt_backup_assets.signals.ping import Job, address
from alt_backup_assets.tools.http import HttpService, read_secret

METRIC = "backup_signal_path_nonce"
TIMEOUT_SECONDS = 10.0
_REFUSED = (401, 403)


class _Sample(BaseModel):
    value: tuple[float, float]


class _Samples(BaseModel):
    result: list[_Sample]


class _Queried(BaseModel):
    data: _Samples


class _Logged(BaseModel):
    rid: str | None = None


class _Log(BaseModel):
    pings: list[_Logged]


def value_arrived(prometheus: str, number: int) -> bool:
    """Tell whether Prometheus has a nonce.

    Args:
        prometheus: Where it answers.
        number: The metric's value.

    Raises:
        ToolError: It did not answer, or not as Prometheus does.
        PlatformError: Nothing answers there.
    """
    service = HttpService("Prometheus", prometheus)
    said = service.text(
        "GET", "/api/v1/query", timeout_seconds=TIMEOUT_SECONDS, params={"query": METRIC}
    )
    try:
        samples = _Queried.model_validate_json(said).data.result
    except ValidationError:
        raise ToolFailed(f"{prometheus} does not answer as Prometheus does") from None
    return any(sample.value[1] == number for sample in samples)


def ping_arrived(service: PingService, pings: Pings, job: Job, run: UUID) -> bool:
    """Tell whether the ping service has a line of a run in the log of a job's check.

    Raises:
        ConfigurationError: Its key or the job's address cannot be used.
        ToolError: It did not answer, or not as a ping service does.
        PlatformError: Nothing answers there.
    """
    check = _check(address(pings, job), job)
    key = read_secret(service.key_file, "signals.ping_service.key_file")
    asked = HttpService(
        f"ping service {service.url}", service.url, {"X-Api-Key": key or ""}, outside=True
    )
    try:
        said = asked.text("GET", f"/api/v3/checks/{check}/pings/", timeout_seconds=TIMEOUT_SECONDS)
    except ToolFailed as error:
        if error.exit_code in _REFUSED:
            raise ConfigurationError(
                f"{error}: signals.ping_service.key_file must hold a full API key of the project"
                f" of the {job} check, since a read-only one may not list pings"
            ) from None
        raise
    try:
        log = _Log.model_validate_json(said)
    except ValidationError:
        raise ToolFailed(f"{service.url} does not answer as a ping service does") from None
    return any(line.rid == str(run) for line in log.pings)


def _check(url: str, job: Job) -> UUID:
    try:
        return UUID(url.rpartition("/")[2])
    except ValueError:
        raise ConfigurationError(
            f"signals.pings.{job}: the address must end with the id of its check; by its slug it"
            " can be pinged but not asked about"
        ) from None
