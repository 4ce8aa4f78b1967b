"""`map`: which TripleSeat names are which Revel products. It shows, suggests, writes mappings.toml, and checks."""
