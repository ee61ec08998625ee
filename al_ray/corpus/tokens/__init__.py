"""Tokens: made once, kept in memory-mapped Arrow, read by members and shards."""
