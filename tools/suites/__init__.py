"""Families of test runners: how each is recognised, told to leave a report, and read.

A family is a module with two functions: `arm` makes a command leave a report, `read` makes of what a run left
one result for each test. `runners.py` has the table.
"""
