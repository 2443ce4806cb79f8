"""Types of noise: what each draws, its parameters, and the registry that names them."""
