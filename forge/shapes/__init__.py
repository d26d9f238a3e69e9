"""GitHub's JSON for each kind of record: the fields that its clients read, with working addresses."""
