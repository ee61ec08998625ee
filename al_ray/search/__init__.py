"""Which configurations go on: pure functions of tables, so that they can be replayed on old ones.

`seen` is what they read, `rounds` what they answer. `ladder`, `racing` and `proposing` are
searches; `asked` makes them of what is asked for. `recorded` reads a study's folder, on which
`replay` tries a search, and `early` says how far the order at few labels can be trusted.
"""
