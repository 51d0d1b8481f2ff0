"""The stream: partition workers that fold events, and the actors that host them."""
