"""What the two halves know of each other: tasks on the curves, and what a task did to them."""
