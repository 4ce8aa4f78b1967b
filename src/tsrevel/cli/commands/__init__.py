"""What can be typed: each command with its options, handing over to the module that does it, imported only then."""
