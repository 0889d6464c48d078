"""The store: the only place where SQL exists, on PostgreSQL and on SQLite alike."""
