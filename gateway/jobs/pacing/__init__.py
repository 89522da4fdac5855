"""How fast a job works: objects in progress, requests and bytes a second."""
