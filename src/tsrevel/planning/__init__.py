"""From an event to the order we intend. Pure: no clock, disk, network or logging in this room.

Read in this order: `model` (the words), `screen` (is it for us, and due), `documents` (which document is the order),
`match` (line to product), `billing` (lines, discounts and charges as money), `payments`, `plan` (all of it together).
"""
