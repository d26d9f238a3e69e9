"""What the forge remembers besides git: one module per kind of record, functions over a connection."""
