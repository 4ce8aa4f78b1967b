"""Tests of the sandbox: each quirk of the fact sheets that it plays, one sentence each."""
