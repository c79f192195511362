"""Studies: of the suite itself, one a file, and of publications, one folder each."""
