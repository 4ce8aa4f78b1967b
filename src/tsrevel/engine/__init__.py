"""The one data flow: find events, decide on each, write what is due, and say what became of it.

Read in this order: `run` (the whole of it), `find` (which events), `triage` (what to do with one), `perform` (doing
it), `prepare` (a batch made ready), `inject`, `recover` and `verify` (one order's writes, their recovery, their proof).
"""
