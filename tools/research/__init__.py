"""Facts from outside: search, pages, package registries, advisories and installed packages' own documentation.

`OutsideSources` is the way in. What comes from there is foreign text; whoever shows it to a model fences it.
"""
