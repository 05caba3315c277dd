"""Rules of HTTP as pure functions: fields and facts in, decisions and bytes out.

No I/O, no clock, no Tornado: whatever they need to know is an argument.
"""

# The imports are absolute, so the standard library's http is not shadowed.
