"""How a person hears of the state of the backups: pings, messages, and whether they arrive."""
