"""The data flow of a run: find events, decide on each, write what is due, and report the outcomes.

Read in this order: `run` (all of it), `find` (which events), `triage` (what to do with one), `perform` (doing it),
`prepare` (a batch of events), `inject`, `recover` and `verify` (one order's writes, recovery and read-backs).
"""
