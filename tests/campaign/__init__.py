"""The fault campaign: whatever goes wrong, one order per event, complete and to the cent."""
