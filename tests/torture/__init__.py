"""Many processes on few streams of a real cluster whose nodes fail; and a judge of what they saw.

`python -m tests.torture --help`; docs/torture.md tells how to read what it prints.
"""
