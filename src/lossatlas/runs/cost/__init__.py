"""What an experiment costs: estimated from floating-point operations, and measured where it was reproduced."""
