"""The forge's pages for people: server-rendered, without scripts, over the same actions as the REST API."""
