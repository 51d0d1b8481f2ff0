"""Dynamic segments: the catalogue, the rules, the evaluation at an event, and the packed flags."""
