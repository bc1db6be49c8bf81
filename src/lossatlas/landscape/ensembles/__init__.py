"""Several networks as one classifier: how their outputs are averaged, how good that is, how far they agree."""
