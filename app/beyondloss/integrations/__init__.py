"""What other people's training code imports. Standard library only; imports nothing of ours."""
