"""The reference implementations, which keep everything in memory and forget it at the end."""
