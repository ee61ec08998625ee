"""A project with people: batches out, answers in, by the same loop as a study's."""
