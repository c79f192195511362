"""Studies of the suite itself (one file each) and of publications (one folder each)."""
