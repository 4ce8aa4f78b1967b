"""Whether the house is in order: style, imports, documents, and the guards of the tests themselves."""
