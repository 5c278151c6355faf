"""From one release to the next: values, labels, and what is taken away."""
