"""What Compose says of a project, and every way in which it does not; a script stands for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.errors import ToolFailed, ToolMissing, ToolTimeout
from alt_backup_assets.tools.docker import compose_config
from alt_backup_assets.tools.docker.compose_config import Declared, read_compose

ANSWER = {
    "name": "alt",
    "services": {
        "db": {
            "image": "postgres:17",
            "environment": {"POSTGRES_DB": "alt", "POSTGRES_PASSWORD": "hush-hush", "A": None},
            "volumes": [
                {"type": "volume", "source": "db_data", "target": "/d", "volume": {}},
                {"type": "volume", "target": "/anonymous"},
                {"type": "bind", "source": "/etc/hosts", "target": "/h"},
            ],
        },
        "web": {"build": {"context": "."}, "environment": None, "volumes": None},
        "far": {"image": "x", "volumes": [{"type": "volume", "source": "ext", "target": "/e"}]},
    },
    "volumes": {"db_data": {"name": "alt_db_data"}, "ext": {"name": "e", "external": True}},
}

Scripted = Callable[..., Path]


@pytest.fixture(name="scripted")
def _scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Put a program ``docker`` on the PATH that keeps its arguments and does what is scripted."""

    def script(body: str) -> Path:
        program, said = tmp_path / "docker", tmp_path / "arguments"
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{said}\n{body}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return said

    return script


def _prints(tmp_path: Path, answer: str) -> str:
    (tmp_path / "answer").write_text(answer)
    return f"cat {tmp_path / 'answer'}"


def _read() -> Declared:
    return read_compose("alt", (Path("/a.yaml"), Path("/b.yaml")), (Path("/.env"),))


def test_services_and_volumes_are_read(scripted: Scripted, tmp_path: Path) -> None:
    """Named volumes, their full names and their services come from one call over all files."""
    said = scripted(_prints(tmp_path, json.dumps(ANSWER)))
    declared = _read()
    assert declared.volumes == {"db_data": "alt_db_data", "ext": "e"}
    assert declared.external == {"ext"}
    assert declared.services["db"].volumes == {"db_data"}
    assert declared.services["db"].image == "postgres:17"
    assert declared.services["web"].image == ""
    files = ["-f", "/a.yaml", "-f", "/b.yaml", "--env-file", "/.env"]
    before, after = ["compose", "-p", "alt", "--profile", "*"], ["config", "--format", "json"]
    assert said.read_text().splitlines() == [*before, *files, *after]


def test_no_password_is_kept(scripted: Scripted, tmp_path: Path) -> None:
    """Of an environment only the names of databases and users are kept."""
    scripted(_prints(tmp_path, json.dumps(ANSWER)))
    declared = _read()
    assert declared.services["db"].environment == {"POSTGRES_DB": "alt"}
    assert "hush-hush" not in repr(declared)


def test_an_answer_that_is_cut_off_is_a_failure_without_its_text(
    scripted: Scripted, tmp_path: Path
) -> None:
    """Half an answer is no answer, and the error does not quote what may be a secret."""
    scripted(_prints(tmp_path, json.dumps(ANSWER)[:-40]))
    with pytest.raises(ToolFailed, match="cannot be read") as failed:
        _read()
    assert "hush-hush" not in str(failed.value)


@pytest.mark.parametrize("answer", ["", "[]", '{"services": {"db": {"volumes": "all"}}}'])
def test_an_answer_of_another_kind_is_a_failure(
    scripted: Scripted, tmp_path: Path, answer: str
) -> None:
    """What is not a project with services is never an empty list of volumes."""
    scripted(_prints(tmp_path, answer))
    with pytest.raises(ToolFailed, match="cannot be read"):
        _read()


def test_files_without_a_service_are_a_failure(scripted: Scripted, tmp_path: Path) -> None:
    """A project that declares nothing at all is the wrong file, not a project without volumes."""
    scripted(_prints(tmp_path, '{"name": "alt", "services": {}}'))
    with pytest.raises(ToolFailed, match=r"set platform\.compose_files"):
        _read()


def test_a_refusal_says_what_compose_said(scripted: Scripted) -> None:
    """A file Compose does not accept is a failure with Compose's own words."""
    scripted('echo "open /b.yaml: no such file or directory" >&2; exit 14')
    with pytest.raises(ToolFailed, match=r"exited with 14: open /b\.yaml: no such file") as failed:
        _read()
    assert failed.value.exit_code == 14


@pytest.mark.parametrize(
    "said",
    [
        "docker: unknown command: docker compose",
        "docker: 'compose' is not a docker command.",
        "unknown shorthand flag: 'f' in -f",
    ],
)
def test_a_client_without_compose_is_told_from_a_wrong_file(scripted: Scripted, said: str) -> None:
    """Where the plugin is missing the error says what to install."""
    scripted(f'echo "{said}" >&2; exit 1')
    with pytest.raises(ToolMissing, match="knows no `compose`; drift needs Docker Compose v2"):
        _read()


def test_a_machine_without_the_client_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no Docker client either, the error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="no program `docker` here; drift needs"):
        _read()


def test_compose_that_hangs_is_given_up(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not hold up a run for ever."""
    monkeypatch.setattr(compose_config, "_TIMEOUT_SECONDS", 0.2)
    scripted("sleep 30")
    with pytest.raises(ToolTimeout):
        _read()
