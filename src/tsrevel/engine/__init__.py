"""The one data flow: find events, decide on each, write what is due, and say what became of it.

Read in this order: `report` (outcomes as data), `saga` (one order's writes, their recovery and their proof),
`decide` (one event), `find` (which events), `run` (all of them, within the limits), `ending` (the exit status).
"""
