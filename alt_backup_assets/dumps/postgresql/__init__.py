"""PostgreSQL: pg_dump beside a fingerprint of the same snapshot, and the way back."""
