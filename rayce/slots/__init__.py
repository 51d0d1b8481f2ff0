"""Slots of a page that hold variants (banner, offer, order of modules): a document says which, rules and experiments decide."""
