"""The idle reaper: stops environments that nobody uses and that do nothing, and says of each why or why not."""
