"""Who takes what next, from what everybody took one after another: a recommender for long histories without sessions.

Four views of a history, each computed from the order alone (`rayce.sequence.views`): what a recurrent network expects, what
followed its latest items elsewhere, what a linear model of the items makes of it, and popularity. `rayce.sequence.blend`
weighs them by what each person took last. `rayce.sequence.recommender` is the whole: `fit`, then `top`.
"""
