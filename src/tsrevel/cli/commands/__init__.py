"""The commands with their options. Each imports the module that does the work only when it runs."""
