import numpy as np

from bench.gallery import most_changed


def test_the_window_with_the_largest_difference_is_found() -> None:
    """Left and top are those of the window, in steps of ten pixels."""
    before = np.zeros((200, 300, 3), np.uint8)
    after = before.copy()
    after[120:150, 230:260] = 200
    after[10:12, 10:12] = 255
    left, top = most_changed(before, after, (40, 40))
    assert (left, top) in {(220, 110), (220, 120), (230, 110), (230, 120)}


def test_gray_images_have_one() -> None:
    """Pixels need no channels."""
    before = np.zeros((60, 60), np.uint8)
    after = before.copy()
    after[50:, 50:] = 9
    assert most_changed(before, after, (20, 20)) == (40, 40)
