"""How `status`, `history`, `explain` and `resolve` speak; what they know is the insight room's."""
