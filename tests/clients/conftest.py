import pytest

# Their assertions are explained like those of the test files that derive from them.
pytest.register_assert_rewrite("tests.clients.suite", "tests.clients.files")
