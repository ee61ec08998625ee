"""Members and shards as actors, and who makes, keeps and watches them."""
