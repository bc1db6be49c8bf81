"""The commands: thin, each a Hydra app or a reader of the store."""
