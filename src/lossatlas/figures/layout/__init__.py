"""What the figures of experiments share: which network stands where, pages, values, reference curves."""
