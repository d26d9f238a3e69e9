"""The hosts of kept environments: Docker engines here and elsewhere, this machine's bubblewrap, and the choice of one."""
