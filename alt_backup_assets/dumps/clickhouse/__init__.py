"""ClickHouse: its own BACKUP, tables compared, put back through the server."""
