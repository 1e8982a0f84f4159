"""`fenqi policy`: what an analyst does with a policy. One file for each command."""
