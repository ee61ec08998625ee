"""Label Studio: its formats, and a server of it. Made for 1.23.2, community edition."""
