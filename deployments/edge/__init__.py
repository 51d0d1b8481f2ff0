"""The edge router without Ray: routes, handlers and the ladder of one reply."""
