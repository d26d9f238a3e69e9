"""What a person can do: checks the permission, changes git and the database, queues the events.

The REST routes and the pages both call these, so both obey the same rules.
"""
