"""GPUs: whether this machine has one, whether containers get it, and a test that one really does."""
