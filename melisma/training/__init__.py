"""Training: one loop for autoencoders, diffusion transformers, planners and adapters; the objectives they differ in."""
