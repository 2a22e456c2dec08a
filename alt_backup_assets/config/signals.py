"""How a person hears of the state of the backups, as the configuration names it.

Holds where metrics, pings and messages go, and who is asked whether they arrived. An address
that holds a secret (a ping's, a chat's) is only ever the path of a file. Keep out: sending
anything.
"""

from __future__ import annotations

from pydantic import Field

from alt_backup_assets.values import Frozen, LocatedPath, Name, Url


class Pings(Frozen):
    """Files with the healthchecks.io address of each job; None for no ping.

    One address a job, since one shared by two would stay green while one of them is dead.
    """

    hourly: LocatedPath | None = None
    daily: LocatedPath | None = None
    offsite: LocatedPath | None = None
    verify: LocatedPath | None = None


class PingService(Frozen):
    """The management interface of the ping service: it tells whether a ping arrived.

    Attributes:
        url: Where it answers, such as ``https://healthchecks.io``.
        key_file: File with its API key; a read-only one is refused the list of pings.
    """

    url: Url = "https://healthchecks.io"
    key_file: LocatedPath


class Metrics(Frozen):
    """How metrics reach Prometheus.

    Attributes:
        textfile: File that the node exporter's textfile collector reads; None for none.
        listen: Address of ``alt-backup metrics --serve``.
        port: Its port.
        prometheus: The Prometheus that reads them, asked by the signal-path self-test; None
            where it is not to be asked.
    """

    textfile: LocatedPath | None = None
    listen: str = "127.0.0.1"
    port: int = Field(default=9189, ge=1, le=65535)
    prometheus: Url | None = None


class Neighbours(Frozen):
    """Other hosts under the same Dagster instance, which this one misses when they are gone.

    Attributes:
        hosts: Their ``host``, which is the name of their code location too.
        silent_seconds: How long one may not be heard of while this host is.
    """

    hosts: tuple[Name, ...] = ()
    silent_seconds: int = Field(default=300, ge=60)


class Signals(Frozen):
    """Everything by which a person hears.

    Attributes:
        pings: A dead man's switch a job.
        ping_service: Asked by the signal-path self-test; None where it is not to be asked.
        metrics: For Prometheus.
        messages: File with addresses of apprise, one a line; None for no messages.
        dagster_url: Where the operator opens Dagster's UI, for links; None for no links.
        neighbours: Where several hosts share one Dagster: those this one watches.
    """

    pings: Pings = Pings()
    ping_service: PingService | None = None
    metrics: Metrics = Metrics()
    messages: LocatedPath | None = None
    dagster_url: Url | None = None
    neighbours: Neighbours = Neighbours()
