"""What environments use, sampled in the background, and the page of metrics."""
