"""One module per target: ``run``, ``seeds``, ``WORDS`` and ``MODULES`` are its :class:`Target`."""
