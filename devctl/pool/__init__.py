"""Warm containers: made ahead of demand, checked and handed out once."""
