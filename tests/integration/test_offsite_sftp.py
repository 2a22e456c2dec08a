"""A repository behind a real OpenSSH server: it works, and each way of not working is worded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alt_backup_assets.config import Repository, Sftp
from alt_backup_assets.errors import RepositoryMissing, RepositoryUnreachable
from alt_backup_assets.tools.restic import Restic
from tests.ports import free_port
from tests.restic_contract import save
from tests.sshd import SftpServer, known_host, make_key, sftp_server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    # A blank and a comma in the path: the options must survive restic's splitting of them.
    with sftp_server(tmp_path_factory.mktemp("ssh, keys")) as server:
        yield server


class Site:
    """A local repository and one behind the server."""

    def __init__(self, directory: Path, binary: Path, server: SftpServer) -> None:
        self.directory = directory
        self.binary = binary
        self.server = server
        (directory / "password").write_text("correct horse\n")
        (directory / "other-password").write_text("battery staple\n")

    def local(self) -> Restic:
        """Return the local repository."""
        return self._restic(
            Repository(url=str(self.directory / "local"), password_file=self.directory / "password")
        )

    def offsite(self, sftp: Sftp | None = None) -> Restic:
        """Return the repository behind the server."""
        return self._restic(
            Repository(
                url=self.server.url(self.directory / "offsite"),
                password_file=self.directory / "other-password",
                sftp=sftp or self.server.sftp,
            )
        )

    def _restic(self, place: Repository) -> Restic:
        return Restic(
            place, binary=self.binary, cache_dir=self.directory / "cache", lock_wait_seconds=1
        )


@pytest.fixture(name="site")
def _site(tmp_path: Path, restic_binary: Path, server: SftpServer) -> Site:
    return Site(tmp_path, restic_binary, server)


def test_a_copy_goes_there_and_comes_back(site: Site, tmp_path: Path) -> None:
    """Initialise, copy with another password, confirm by listing, check and restore."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "db.dump").write_bytes(b"PGDMP" * 1000)
    local, offsite = site.local(), site.offsite()
    local.init()
    taken = save(local, source)
    assert offsite.init(chunker_from=local) is True
    offsite.copy_from(local, [taken.id])
    (copied,) = offsite.snapshots(host="alt")
    assert copied.original == taken.id
    offsite.check(read_data_subset="1/1")
    offsite.restore(copied.id, tmp_path / "target")
    assert (tmp_path / "target/db.dump").read_bytes() == b"PGDMP" * 1000
    assert offsite.stored_bytes() > 0


def test_a_copy_can_be_brought_home(site: Site, tmp_path: Path) -> None:
    """Where the source is the remote side, its ssh settings are the ones that are used."""
    source = tmp_path / "source"
    source.mkdir()
    local, offsite = site.local(), site.offsite()
    offsite.init()
    taken = save(offsite, source)
    local.init(chunker_from=offsite)
    local.copy_from(offsite, [taken.id])
    assert [snapshot.original for snapshot in local.snapshots()] == [taken.id]


def test_a_host_without_a_repository_is_not_unreachable(site: Site) -> None:
    """Exit code 10 comes through ssh as well."""
    with pytest.raises(RepositoryMissing):
        site.offsite().open()


def test_a_closed_port_is_unreachable(site: Site) -> None:
    """Nobody listens there: check host and port."""
    closed = site.server.sftp.model_copy(update={"port": free_port()})
    with pytest.raises(RepositoryUnreachable, match=r"(?s)Connection refused.*name and port"):
        site.offsite(closed).open()


@pytest.mark.parametrize("key", ["unknown", "changed"])
def test_a_host_that_cannot_be_trusted_is_unreachable(site: Site, tmp_path: Path, key: str) -> None:
    """Neither an unknown host nor one whose key has changed is talked to."""
    other_port = site.server.port if key == "changed" else site.server.port + 1
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(known_host(other_port, make_key(tmp_path / "other_host")))
    untrusted = site.server.sftp.model_copy(update={"known_hosts_file": known_hosts})
    with pytest.raises(
        RepositoryUnreachable, match=r"(?s)Host key verification failed.*`sftp.known_hosts_file`"
    ):
        site.offsite(untrusted).open()


def test_a_refused_key_is_unreachable(site: Site, tmp_path: Path) -> None:
    """The host does not know the key: authorise it there."""
    stranger = site.server.sftp.model_copy(update={"identity_file": make_key(tmp_path / "other")})
    with pytest.raises(RepositoryUnreachable, match=r"(?s)Permission denied.*authorise the public"):
        site.offsite(stranger).open()


def test_a_key_that_others_can_read_is_unreachable(site: Site, tmp_path: Path) -> None:
    """The client's ssh ignores such a key, and the message says how to close it."""
    open_key = tmp_path / "open"
    open_key.write_bytes(site.server.identity_file.read_bytes())
    open_key.chmod(0o644)
    careless = site.server.sftp.model_copy(update={"identity_file": open_key})
    with pytest.raises(RepositoryUnreachable, match="chmod 600"):
        site.offsite(careless).open()


def test_a_copy_to_an_unreachable_host_fails(site: Site, tmp_path: Path) -> None:
    """The copy itself is red too, not only the opening before it."""
    local = site.local()
    local.init()
    taken = save(local, tmp_path)
    closed = site.server.sftp.model_copy(update={"port": free_port()})
    with pytest.raises(RepositoryUnreachable):
        site.offsite(closed).copy_from(local, [taken.id])
