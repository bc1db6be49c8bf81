"""What an experiment costs, counted before and measured after."""
