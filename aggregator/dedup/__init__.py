"""Which reports tell the same story.

The theory, in the order of the modules:

`text`         a report becomes features: stems, numbers, runs of characters.
`frequency`    a feature is worth what it is rare: in the language, and so far in the stream.
`lexicon`      both are found out once a word, so that a text is cut by looking its words up.
`minhash`      a set becomes a signature, which estimates what it shares with others.
`fingerprint`  a report becomes a sketch (features, to be weighed), a signature (to tell copies) and band keys
               (to find candidates).
`signals`      two reports become a row of numbers, each with a meaning.
`verdict`      the row becomes a probability that both tell one event; a veto overrules it.
`bars`         how agreement is measured, and what it has to reach.
`story`        a newcomer joins the story whose members it suits best, or opens its own;
`settling`     what its coming shows about the stories nearby is put right.

Nothing here knows a database, a network or a clock: values in, values out.
"""
