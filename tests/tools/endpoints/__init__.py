"""Endpoints with the habits of real servers, on real sockets: what they refuse, and how they say things."""
