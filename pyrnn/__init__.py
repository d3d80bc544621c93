"""Train recurrent networks on tasks, then see how they compute."""

__version__ = "0.1.0"
