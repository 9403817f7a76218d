"""The recipe of the starter model: songs to learn from, and the training that turns them into a small checkpoint.

Not part of the wheel: nobody who makes music with melisma needs it. Everything is made from seeds, so that anyone can
make the same checkpoint again.
"""
