"""What a task is and how it may move: values and pure decisions, no input or output."""
