"""Ways to draw held against one another: what each gives for a goal, and which of them nobody beats."""
