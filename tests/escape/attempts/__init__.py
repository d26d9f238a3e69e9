"""The attempts themselves: sent into environments and run there, with nothing but Python's own library."""
