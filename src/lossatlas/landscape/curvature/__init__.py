"""Second derivatives of the loss: operators on vectors, and what is read off them."""
