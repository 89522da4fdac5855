from tests.coverage_table import table


def _file(statements: int, covered: int) -> dict[str, dict[str, int]]:
    return {"summary": {"num_statements": statements, "covered_lines": covered}}


def test_files_are_summed_by_package() -> None:
    """Files count for the package two levels down, and all of them for the last line."""
    files = {
        "gateway/s3/errors.py": _file(30, 20),
        "gateway/s3/deeper/xml.py": _file(1_000, 1_000),
        "gateway/__init__.py": _file(0, 0),
        "codec/optimize.py": _file(10, 5),
    }
    rows = [line.split() for line in table({"files": files})]
    assert rows == [
        ["package", "statements", "covered", "share"],
        ["codec", "10", "5", "50.0", "%"],
        ["gateway", "0", "0", "100.0", "%"],
        ["gateway.s3", "1,030", "1,020", "99.0", "%"],
        ["coverage", "of", "all", "1,040", "1,025", "98.6", "%"],
    ]
