"""The only room that imports Ray: actors, placement, the Tune study, faults."""
