"""The command line: the table of jobs, what a job does with its words, its help, the entry points of the commands."""
