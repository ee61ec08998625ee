"""The way to a cluster, by whose leave, as a job, and out again."""
