"""From what is typed to jobs: overrides, the search path, configurations."""
