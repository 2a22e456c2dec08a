"""What is in a PostgreSQL server, as values that can be compared exactly.

The same value is taken twice: from the source in the very snapshot pg_dump reads, and from the
throw-away server of a drill. How it is taken is in ``fingerprint``.
"""

from __future__ import annotations

from typing import Literal

from alt_backup_assets.dumps.comparison import Compared, changed
from alt_backup_assets.values import Frozen

Hashing = Literal["text", "binary"]
"""How a row becomes the bytes that are hashed: see ``fingerprint``."""


class Relation(Frozen):
    """The rows of a table or materialised view, independent of their order.

    Attributes:
        name: Schema and name, quoted where SQL needs it; or ``large objects``.
        rows: How many there are.
        content: Sum of a 64-bit hash of every row; a sum sees duplicates.
    """

    name: str
    rows: int
    content: str

    def difference(self, restored: Relation | None) -> str | None:
        """Return what did not come back, in a sentence; None where all did."""
        if restored is None:
            return f"{self.name} is missing ({self.rows} rows were recorded)"
        if restored.rows != self.rows:
            return f"{self.name} has {restored.rows} rows, {self.rows} were recorded"
        if restored.content != self.content:
            return f"{self.name} has other content in its {self.rows} rows"
        return None


class Sequence(Frozen):
    """A sequence's position. It is not transactional, so it is read before the dump starts.

    Attributes:
        name: Schema and name, quoted where SQL needs it.
        last_value: The value it stands at.
        is_called: Whether that value was handed out already.
        increment: The direction, and the size, of its steps.
    """

    name: str
    last_value: int
    is_called: bool
    increment: int

    def difference(self, restored: Sequence | None) -> str | None:
        """Return a sentence where ``restored`` would hand out a value a second time."""
        if restored is None:
            return f"sequence {self.name} is missing"
        sign = 1 if self.increment > 0 else -1
        if sign * restored.next_value >= sign * self.next_value:
            return None
        return (
            f"sequence {self.name} goes on at {restored.next_value},"
            f" before the recorded {self.next_value}"
        )

    @property
    def next_value(self) -> int:
        """The value it hands out next."""
        return self.last_value + (self.increment if self.is_called else 0)


class DatabaseContent(Frozen):
    """One database: schema, rows, sequences, extensions.

    Attributes:
        name: The database.
        schema_objects: A hash per object of the schema's own text, by the object's heading.
        relations: Every relation with rows of its own, and the large objects.
        sequences: Every sequence.
        extensions: Version by name.
        hashing: How its rows were hashed; a comparison has to do it in the same way.
    """

    name: str
    schema_objects: dict[str, str]
    relations: tuple[Relation, ...]
    sequences: tuple[Sequence, ...]
    extensions: dict[str, str]
    hashing: Hashing = "text"

    def differences(self, restored: DatabaseContent) -> list[str]:
        """Return a sentence for everything that did not come back as it was."""
        relations = {relation.name: relation for relation in restored.relations}
        sequences = {sequence.name: sequence for sequence in restored.sequences}
        known = {relation.name for relation in self.relations}
        found = (
            *(relation.difference(relations.get(relation.name)) for relation in self.relations),
            *(f"{name} was not in the source" for name in relations if name not in known),
            *(sequence.difference(sequences.get(sequence.name)) for sequence in self.sequences),
        )
        return [
            *changed("extension", self.extensions, restored.extensions),
            *(sentence for sentence in found if sentence),
            *changed("", self.schema_objects, restored.schema_objects),
        ]


class PostgresqlContent(Frozen):
    """A PostgreSQL server: its roles and the databases that are backed up.

    Attributes:
        superuser: The bootstrap superuser; a throw-away server is initialised with it.
        roles: A hash of each role's attributes, memberships, settings and verifier, by name.
        preload: shared_preload_libraries; extensions may not load without.
        databases: One value per database.
    """

    kind: Literal["postgresql"] = "postgresql"
    superuser: str
    roles: dict[str, str]
    preload: str
    databases: tuple[DatabaseContent, ...]

    def differences(self, restored: PostgresqlContent) -> tuple[str, ...]:
        """Return a sentence for everything that did not come back as it was."""
        found = changed("role", self.roles, restored.roles)
        others = {database.name: database for database in restored.databases}
        for database in self.databases:
            other = others.get(database.name)
            sentences = database.differences(other) if other else ["the database is missing"]
            found += [f"{database.name}: {sentence}" for sentence in sentences]
        return tuple(found)

    def counts(self) -> dict[str, int]:
        """Return how much there is, for tables and metadata."""
        relations = [relation for database in self.databases for relation in database.relations]
        return {
            "databases": len(self.databases),
            "relations": len(relations),
            "rows": sum(relation.rows for relation in relations),
            "roles": len(self.roles),
        }

    def compared(self, restored: PostgresqlContent) -> tuple[Compared, ...]:
        """Return a line per relation: what was recorded and what came back."""
        back = _relations(restored)
        return tuple(
            Compared(
                name=name,
                recorded=relation.rows,
                restored=back[name].rows if name in back else None,
                equal=back.get(name) == relation,
            )
            for name, relation in _relations(self).items()
        )


def _relations(content: PostgresqlContent) -> dict[str, Relation]:
    return {
        f"{database.name}.{relation.name}": relation
        for database in content.databases
        for relation in database.relations
    }
