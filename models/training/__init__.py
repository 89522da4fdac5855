"""Training and evaluation of native restorers; training needs torch."""
