"""Gateway processes: composition, start, reload, draining."""
