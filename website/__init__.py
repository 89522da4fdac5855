"""Build the site of the documents: mkdocs.yml names the pages, `make docs` runs it."""
