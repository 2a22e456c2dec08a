"""The script that brings roles back, for a live server and for a throw-away one."""

from __future__ import annotations

from alt_backup_assets.dumps.postgresql.roles import (
    DONE,
    LiveRoles,
    for_live,
    for_throwaway,
    missing_tablespaces,
)

SCRIPT = """\
CREATE ROLE boss;
ALTER ROLE boss WITH SUPERUSER LOGIN PASSWORD 'SCRAM-1';
CREATE ROLE reader;
ALTER ROLE reader WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-2';
GRANT pg_monitor TO reader WITH INHERIT TRUE GRANTED BY boss;
CREATE TABLESPACE "fast one" OWNER reader LOCATION '/disk/it''s';
ALTER TABLESPACE "fast one" SET (random_page_cost='1.1');
"""
MEMBERSHIP = {"role": "old", "member": "reader", "grantor": "boss"}
LIVE = LiveRoles(
    superuser="boss",
    expires={"boss": False, "reader": True},
    memberships=(MEMBERSHIP, MEMBERSHIP | {"member": "stranger"}),
    tablespaces=frozenset({"pg_default", "fast one"}),
)


def _for(live: LiveRoles, user: str = "boss") -> list[str]:
    return for_live(SCRIPT, live, recorded_superuser="boss", user=user).splitlines()


def test_a_role_that_is_there_is_brought_to_what_was_recorded() -> None:
    """Not made again; what it has beyond the record is taken away before the rest is given."""
    script = _for(LIVE)
    assert "CREATE ROLE reader;" not in script
    steps = [
        "BEGIN;",
        "ALTER ROLE \"reader\" CONNECTION LIMIT -1 PASSWORD NULL VALID UNTIL 'infinity';",
        'ALTER ROLE "reader" RESET ALL;',
        'REVOKE "old" FROM "reader" GRANTED BY "boss" CASCADE;',
        "ALTER ROLE reader WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-2';",
        "GRANT pg_monitor TO reader WITH INHERIT TRUE GRANTED BY boss;",
        "COMMIT;",
        f"SELECT '{DONE}';",
    ]
    positions = [script.index(step) for step in steps]
    assert positions == sorted(positions)
    assert not any("stranger" in line for line in script)


def test_a_role_that_is_not_there_is_made() -> None:
    """Nothing is taken from it first."""
    script = _for(LiveRoles("boss", {"boss": False}, (), frozenset()))
    assert "CREATE ROLE reader;" in script
    assert not any("PASSWORD NULL" in line for line in script)


def test_the_bootstrap_superuser_stays_as_it_is() -> None:
    """Whoever let us in is not locked out."""
    assert not any("ROLE boss" in line or 'ROLE "boss"' in line for line in _for(LIVE))


def test_another_bootstrap_superuser_grants_in_its_place() -> None:
    """And the recorded one becomes a role like any other."""
    script = _for(LiveRoles("postgres", {"postgres": False}, (), frozenset()))
    assert "CREATE ROLE boss;" in script
    assert 'GRANT pg_monitor TO reader WITH INHERIT TRUE GRANTED BY "postgres";' in script


def test_who_connects_keeps_the_superuser_right() -> None:
    """Otherwise the rest of the script could not be run."""
    script = _for(LIVE, user="reader")
    assert "ALTER ROLE reader WITH SUPERUSER LOGIN PASSWORD 'SCRAM-2';" in script


def test_the_servers_own_log_gets_no_verifier() -> None:
    """Neither the statements nor a failing one are written there."""
    assert _for(LIVE)[:2] == [
        "SET log_statement = 'none';",
        "SET log_min_error_statement = 'panic';",
    ]


def test_a_tablespace_that_is_missing_is_told() -> None:
    """It cannot be made in a transaction, and nobody but the operator knows where."""
    bare = LiveRoles("boss", {}, (), frozenset({"pg_default"}))
    assert missing_tablespaces(SCRIPT, LIVE) == []
    (told,) = missing_tablespaces(SCRIPT, bare)
    assert told.startswith('CREATE TABLESPACE "fast one" OWNER reader')
    assert not any(line.startswith("CREATE TABLESPACE") for line in _for(LIVE))


def test_a_throwaway_server_has_tablespaces_of_its_own() -> None:
    """Inside its data directory; the source's disks are not touched by a drill."""
    script = for_throwaway(SCRIPT, "boss").splitlines()
    assert script[0] == "SET allow_in_place_tablespaces = on;"
    assert "CREATE TABLESPACE \"fast one\" OWNER reader LOCATION '';" in script
    assert "CREATE ROLE boss;" not in script
    assert "ALTER ROLE boss WITH SUPERUSER LOGIN PASSWORD 'SCRAM-1';" in script


def test_a_server_without_tablespaces_needs_no_such_setting() -> None:
    """Old servers do not know it."""
    assert for_throwaway("CREATE ROLE a;\n", "boss") == "CREATE ROLE a;\n"
