"""Which reports tell the same story.

The theory, in the order of the modules:

`text`         a report becomes features: stems, numbers, runs of characters.
`recurring`    sentences that a source repeats are left out before.
`identifiers`  what names one thing and no other is found.
`frequency`    a feature is worth what it is rare: in the language, and so far in the stream.
`lexicon`      both are found out once a word, so that a text is cut by looking its words up.
`minhash`      a set becomes a signature, which estimates what it shares with others.
`fingerprint`  a report becomes a sketch (features, to be weighed), a signature (to tell copies) and
               band keys (to find candidates).
`voice`        what a publisher says all the time counts little between two of its reports.
`signals`      two reports become a row of numbers, each with a meaning.
`verdict`      the row becomes a probability that both tell one event; a veto overrules it.
`overlap`      what two reports share, in words for people.
`thresholds`   how agreement is measured, and what it has to reach.
`corrections`  what people said becomes constraints.
`story`        a newcomer joins the story whose members it suits best, or opens its own;
`reassignment` what its coming shows about the stories nearby is put right.
`partition`    later all of them are looked at as a whole, and the order of arrival is forgotten.

Nothing here knows a database, a network or a clock: values in, values out.
"""
