"""The HTTP service: kept environments over REST, for many users, with tokens."""
