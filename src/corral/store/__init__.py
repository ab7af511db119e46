"""State on disk: the SQLite database, atomic files, and the layout of both roots. Knows no object by name."""
