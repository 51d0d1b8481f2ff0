"""Request time: Ray Serve deployments (edge router, feature reader, ranker), their composition, the Serve config."""
