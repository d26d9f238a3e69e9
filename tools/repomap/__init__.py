"""The repository map: what a repository defines and who refers to it, best first, within a token budget.

`tools.repomap.map.repository_map` is the way in. Source is parsed in child processes (`worker`), because a parser
written in C that meets hostile source must not take the caller along.
"""
